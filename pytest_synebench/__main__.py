"""``python -m pytest_synebench``: what is done with runs after pytest has ended.

Invariants (tests/test_main.py):
- the exit code is the verdict's: 0 green, 1 FAIL, 2 ERROR, 3 NOT COMPARABLE; 4: wrong usage;
- a page that cannot be written is an error, and no other file is touched.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pytest_synebench.errors import SynebenchError, UsageError

USAGE = 4  #: as pytest's
_RUNS = "directories with runs, or s3://BUCKET/PREFIX"
_FILTERS = {
    "benchmark": "only runs of this benchmark (a glob; repeatable)",
    "setup": "only runs of this setup (a glob; repeatable)",
    "state": "only runs that are finished, interrupted or open (repeatable)",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see --help")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = _Parser(prog="python -m pytest_synebench", description="Runs, after pytest has ended.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    gate = commands.add_parser("gate", help="compare stored runs with a baseline")
    gate.add_argument(
        "baseline", help="a baseline's .json, a directory with runs, or s3://BUCKET/PREFIX"
    )
    gate.add_argument("candidate", help=_RUNS)
    gate.add_argument(
        "--gate", default="strict", metavar="RULE", help="strict, sensitive, best:2%%, best:0.1"
    )
    gate.add_argument("--json", type=Path, metavar="FILE", help="write the verdict there as JSON")
    gate.add_argument("--markdown", type=Path, metavar="FILE", help="and there as Markdown")
    report = commands.add_parser("report", help="make one HTML page of stored runs")
    report.add_argument("runs", nargs="+", metavar="RUNS", help=_RUNS)
    report.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="where to write it (default: report.html, unless --markdown is given)",
    )
    report.add_argument("--markdown", type=Path, metavar="FILE", help="write tables as Markdown")
    report.add_argument(
        "--verdict", type=Path, metavar="FILE", help="JSON that a gate wrote, to show as well"
    )
    report.add_argument("--title", default="Runs", help="of the page (default: Runs)")
    watch = commands.add_parser(
        "watch", help="follow a run while it goes on, from another terminal"
    )
    watch.add_argument(
        "run",
        type=Path,
        nargs="?",
        default=Path(".synebench"),
        metavar="RUN",
        help="a run's directory, or any above (default: .synebench): the newest run that goes on",
    )
    watch.add_argument("--once", action="store_true", help="show it as it is, and be done")
    export = commands.add_parser("export", help="write stored runs for another tool")
    export.add_argument(
        "format", metavar="FORMAT", help="mlflow, optuna, tensorboard, or one of a package"
    )
    export.add_argument("runs", nargs="+", metavar="RUNS", help=_RUNS)
    export.add_argument(
        "--to",
        required=True,
        metavar="WHERE",
        help="a folder (tensorboard); a file or URL of a database or server (mlflow, optuna)",
    )
    for one in (report, export):
        for name, text in _FILTERS.items():
            one.add_argument(f"--{name}", metavar="X", action="append", help=text)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    try:
        options = parser().parse_args(arguments)
        return _COMMANDS[options.command](options)
    except SynebenchError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


def _gate(options: argparse.Namespace) -> int:
    # Here, so that --help does not wait for numpy.
    from pytest_synebench.analysis.gate import report, stored
    from pytest_synebench.analysis.gate.rules import parse_rule
    from pytest_synebench.analysis.writing import write

    rule = parse_rule(options.gate)
    verdict = stored.compare(
        stored.baseline_of(options.baseline),
        stored.runs_below(options.candidate),
        rule,
        Path(options.baseline).stem,
    )
    for judgement in verdict.judgements:
        sys.stdout.write("\n".join(report.lines(judgement)) + "\n")
    sys.stdout.write(report.suite_lines(verdict)[0] + "\n")
    if options.json:
        write(options.json, verdict.to_json())
    if options.markdown:
        write(options.markdown, report.markdown(verdict))
    return verdict.verdict.exit_code


def _report(options: argparse.Namespace) -> int:
    from pytest_synebench.analysis.page import making

    filters = _filters(options)
    made = making.page(options.runs, title=options.title, verdict=options.verdict, filters=filters)
    html = options.html or (None if options.markdown else Path("report.html"))
    for path in making.write(made, html=html, markdown=options.markdown):
        sys.stdout.write(f"written: {path}\n")
    for why in made.problems.values():
        sys.stderr.write(f"left out: {why}\n")
    return 0


def _watch(options: argparse.Namespace) -> int:
    from pytest_synebench.analysis.watching.watch import newest, watch

    with contextlib.suppress(KeyboardInterrupt):
        watch(newest(options.run), sys.stdout, once=options.once)
    return 0


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) or "*" for name in _FILTERS}


def _export(options: argparse.Namespace) -> int:
    from pytest_synebench.analysis.exporters import catalog
    from pytest_synebench.analysis.page import making

    export = catalog.exporter(options.format)
    runs = making.together(options.runs, _filters(options)).readable()
    for line in export(runs, options.to):
        sys.stdout.write(f"written: {line}\n")
    for why in runs.problems.values():
        sys.stderr.write(f"left out: {why}\n")
    return 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "gate": _gate,
    "export": _export,
    "report": _report,
    "watch": _watch,
}

if __name__ == "__main__":
    sys.exit(main())
