"""``--synebench-html FILE``: one page on this session's runs, and on its gate.

The process that pytest reports in writes it, when everything is over.

Invariants (tests/plugin/test_page.py):
- the page is of this session's runs and no others, under pytest-xdist too;
- what it lacks is refused before anything is run; a page that cannot be written is said, and
  changes no verdict.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.errors import SynebenchError, UsageError
from pytest_synebench.plugin.gate.ask import asked
from pytest_synebench.plugin.gate.telling import TELLER, Teller
from pytest_synebench.plugin.nodes.experiment import SUMMARIES, storage

_NEEDED = ("plotly", "jinja2")


def check(config: pytest.Config) -> None:
    """Refuse what cannot be written, before an hour's work is done.

    Raises:
        UsageError: the extra ``report`` is not installed, or FILE is a directory.
    """
    file = config.option.synebench_html
    if not file:
        return
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise UsageError(
            f"--synebench-html needs {', '.join(missing)}: pip install 'pytest-synebench[report]'"
        )
    if _path(config).is_dir():
        raise UsageError(f"--synebench-html {file} is a directory; name a file, as report.html")


def _path(config: pytest.Config) -> Path:
    return Path(config.invocation_params.dir, config.option.synebench_html)


def write(reporter: Any, config: pytest.Config) -> None:
    """Write the page, and say where it is."""
    if not config.option.synebench_html:
        return
    directories = [one["directory"] for one in config.stash.get(SUMMARIES, None) or []]
    if not directories:
        reporter.write_line("--synebench-html: no experiment was run, so no page was written")
        return
    # Late: it takes plotly, which takes a second.
    from pytest_synebench.analysis.page import making

    try:
        made = making.page(directories, title=config.rootpath.name, verdict=_verdict(config))
        making.write(made, html=_path(config))
    except SynebenchError as error:
        reporter.write_line(f"--synebench-html: {error}", red=True)
    else:
        reporter.write_line(f"page: {_path(config)}")


def _verdict(config: pytest.Config) -> Path | None:
    what = asked(config)
    teller = config.pluginmanager.get_plugin(TELLER)
    # A file may lie there from an earlier session.
    if what is None or not isinstance(teller, Teller) or not teller.is_over:
        return None
    return storage(config) / "gates" / f"{what.compare}.json"
