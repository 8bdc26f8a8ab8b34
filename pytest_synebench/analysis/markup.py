"""Text of any kind within Markdown, shown as it is.

Invariants (tests/analysis/test_markup.py):
- nothing ends a cell or a line, or becomes markup.
"""

from __future__ import annotations

import re

_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&@:])")
_MARKUP = re.compile(r"([\\`*\[\]<>|~&@])")


def escaped(value: object) -> str:
    r"""Return any value as text of one line that Markdown shows as it is.

    >>> escaped("a|b <i>")
    'a\\|b \\<i\\>'
    """
    return _ACTIVE.sub(r"\\\1", " ".join(str(value).split()))


def prose(value: object) -> str:
    r"""Return the same of a text that is no number and begins with a word: less is escaped.

    >>> prose("worse: final, in a|b <i>")
    'worse: final, in a\\|b \\<i\\>'
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(value).split()))


def code(text: str) -> str:
    r"""Return text as code in a cell of a table, whatever backticks it has.

    >>> code("--a=`b|c`")
    '`` --a=`b\\|c` ``'
    """
    text = " ".join(text.split())
    if not text:
        return ""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    inner = text.replace("|", "\\|")
    return f"{ticks}{space}{inner}{space}{ticks}"
