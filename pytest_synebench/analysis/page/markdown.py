"""What the page says, as Markdown: for a pull request, or a summary of CI.

Invariants (tests/analysis/page/test_markdown.py):
- no name or value ends a cell or becomes markup;
- each setup has a row, and each run that could not be read a line.
"""

from __future__ import annotations

from pytest_synebench.analysis.markup import escaped
from pytest_synebench.analysis.page.content import Content, Section
from pytest_synebench.analysis.page.render import number


def markdown(content: Content) -> str:
    """Return the page as Markdown."""
    out = [f"## {escaped(content.title)}", ""]
    if content.verdict:
        told = content.verdict
        out += [f"**Gate: {escaped(told['verdict'])}**, {escaped(told['reason'])}", ""]
    for section in content.sections:
        out += _section(section)
    if content.problems:
        out += ["### Left out", ""]
        out += [f"- {escaped(str(path))}: {escaped(why)}" for path, why in content.problems.items()]
        out.append("")
    return "\n".join(out)


def _section(section: Section) -> list[str]:
    better = "higher" if section.mode == "max" else "lower"
    metric = escaped(section.metric)
    out = [
        f"### {escaped(section.name)}",
        "",
        f"{metric}, {better} is better"
        + (f"; data: {escaped(section.dataset)}" * bool(section.dataset)),
        "",
        _row(
            "setup",
            "runs",
            "trials",
            f"{escaped(section.unit)}s",
            f"median {metric}",
            f"best {metric}",
            "best config",
        ),
        _row("---", "--:", "--:", "--:", "--:", "--:", "---"),
    ]
    for one in section.setups:
        numbers = (one.runs, one.trials, one.units, one.median, one.best)
        out.append(
            _row(
                escaped(one.name), *(escaped(number(n)) for n in numbers), escaped(one.best_config)
            )
        )
    return [*out, ""]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
