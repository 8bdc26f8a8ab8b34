"""From directories with runs to files: what the command ``report`` and a session's end do.

Invariants (tests/test_main.py, tests/plugin/test_page.py):
- a run that is named twice is on the page once;
- a page is written whole, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pytest_synebench.analysis import writing
from pytest_synebench.analysis.gate.verdicts import Comparison
from pytest_synebench.analysis.page.content import Content, content
from pytest_synebench.analysis.page.markdown import markdown as as_markdown
from pytest_synebench.analysis.page.render import html as as_html
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.store.results import Runs, load_runs

#: What a page shows of a score.
_SCORE = {one.name for one in fields(Comparison)}


def page(
    paths: Iterable[str | Path],
    *,
    title: str,
    verdict: Path | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Content:
    """Return what the page on all runs at or below some paths says.

    Raises:
        UsageError: a path holds no run, no run fits the filters, or the verdict is none.
    """
    runs = together(paths, filters or {})
    told = None if verdict is None else _verdict(verdict)
    return content(runs, title=title, verdict=told)


def together(paths: Iterable[str | Path], filters: Mapping[str, Any]) -> Runs:
    """Return the runs at or below any of some paths, each once, oldest first.

    Raises:
        UsageError: a path holds no run, or no run fits the filters.
    """
    found = [load_runs(path, **filters) for path in paths]
    runs = {run.directory.absolute(): run for one in found for run in one}
    if not runs:
        told = {name: value for name, value in filters.items() if value != "*"}
        raise UsageError(f"no run fits {told}; leave a filter out to see which there are")
    problems = {path: why for one in found for path, why in one.problems.items()}
    ordered = sorted(runs.values(), key=lambda run: run.directory.name.split("-", 1)[-1])
    return Runs(records=tuple(ordered), problems=problems)


def _verdict(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_bytes())
        if _is_verdict(told):
            verdict: Mapping[str, Any] = told
            return verdict
        why = "it has no verdict"
    except (OSError, ValueError, RecursionError) as error:
        why = str(error)
    raise UsageError(
        f"{path} is no verdict of a gate ({why}); gates write .synebench/gates/NAME.json, and "
        "python -m pytest_synebench gate A B --json FILE"
    )


def _is_verdict(told: object) -> bool:
    """Whether everything is there that a page shows of it."""
    return (
        _has(told, {"verdict", "reason", "rule", "baseline", "judgements"})
        and isinstance(told["judgements"], list)  # type: ignore[index] # it is a mapping
        and all(
            _has(one, {"verdict", "name", "reason", "comparisons", "details"})
            and isinstance(one["details"], list)
            and isinstance(one["comparisons"], list)
            and all(_has(score, _SCORE) for score in one["comparisons"])
            for one in told["judgements"]  # type: ignore[index] # it is a mapping
        )
    )


def _has(told: object, keys: set[str]) -> bool:
    return isinstance(told, dict) and keys <= set(told)


def write(made: Content, *, html: Path | None = None, markdown: Path | None = None) -> list[Path]:
    """Write the page to the files that are asked for; return which.

    Raises:
        UsageError: a file cannot be written, or the extra ``report`` is not installed.
    """
    texts = {}
    if html is not None:
        texts[html] = as_html(made)
    if markdown is not None:
        texts[markdown] = as_markdown(made)
    for path, text in texts.items():
        writing.write(path, text)
    return list(texts)
