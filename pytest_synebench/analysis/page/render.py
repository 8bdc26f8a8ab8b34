"""The page as one HTML file: plotly.js, styles, data and code are in it, the network is shut out.

Its content policy admits the scripts that are in it, by their hashes, and nothing from elsewhere.
All text is escaped by the template; figures and data are JSON in which no tag can begin.

Invariants (tests/analysis/page/test_render.py, and test_browser.py in a real browser):
- whatever names and values are, the page has the elements of the template and no others;
- equal runs give equal bytes;
- nothing is fetched, and no script runs but the page's own.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_synebench.analysis.page.content import Content
from pytest_synebench.analysis.pictures.ink import DARK, LIGHT
from pytest_synebench.errors import UsageError

_HERE = Path(__file__).parent
_DIGITS = 6
_SIGNS = {"PASS": "✓", "INCONCLUSIVE": "?"}


def html(content: Content) -> str:
    """Return the page.

    Raises:
        UsageError: the extra ``report`` is not installed.
    """
    jinja2, plotly_js = _installed()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = number
    environment.globals["sign"] = lambda verdict: _SIGNS.get(verdict, "✕")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    pictures = _numbered(content)
    page: str = environment.get_template("page.html.jinja").render(
        content=content,
        figure_ids={id(one): i for i, one in enumerate(pictures)},
        key=id,
        style=_safe(environment, (_HERE / "page.css").read_text(encoding="utf-8")),
        script=_safe(environment, script),
        plotly=_safe(environment, plotly_js),
        hashes=" ".join(f"'sha256-{_hash(one)}'" for one in (plotly_js, script)),
        data=_safe(
            environment,
            _json({"figures": [one.figure for one in pictures], "light": LIGHT, "dark": DARK}),
        ),
    )
    # Half a surrogate pair, which a script may report, is no text.
    return page.encode(errors="replace").decode()


def _numbered(content: Content) -> list[Any]:
    out = list(content.across)
    for section in content.sections:
        out += section.pictures
        out += [one for setup in section.setups for one in setup.pictures]
    return out


def _safe(environment: Any, text: str) -> Any:
    """Return text of ours as it is."""
    return environment.filters["safe"](text)


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


@cache
def _installed() -> tuple[Any, str]:
    try:
        import jinja2
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UsageError(
            f"the HTML page needs {error.name}: pip install 'pytest-synebench[report]'"
        ) from None
    # A page that is served as it lies there may not end its own script.
    return jinja2, str(get_plotlyjs()).replace("</script", r"<\/script")


def _json(data: Any) -> str:
    r"""Return JSON in which no tag begins.

    >>> _json({"a": "</script>", "b": [float("nan"), 0.123456789]})
    '{"a":"\\u003c/script\\u003e","b":[null,0.123457]}'
    """
    text = json.dumps(_plain(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _plain(data: Any) -> Any:
    match data:
        case dict():
            return {key: _plain(value) for key, value in data.items()}
        case list() | tuple():
            return [_plain(value) for value in data]
        case float():
            return float(f"{data:.{_DIGITS}g}") if math.isfinite(data) else None
        case _:
            return data


def number(value: Any, digits: int = _DIGITS) -> str:
    """Return a value for a table.

    >>> [number(one) for one in (None, 3, 0.123456789, float("nan"), True, "a")]
    ['', '3', '0.123457', 'nan', 'True', 'a']
    """
    if value is None:
        return ""
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
