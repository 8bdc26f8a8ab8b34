"""Hypothesis strategies for configuration spaces, for whoever writes a searcher or a back-end.

@given(space=SPACES, seed=st.integers())
def test_my_searcher_stays_inside(space: ConfigSpace, seed: int) -> None: ...
"""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    choice,
    finrange,
    logfinrange,
    logordinal,
    lograndint,
    loguniform,
    ordinal,
    randint,
    reverseloguniform,
    uniform,
)

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SCALARS = st.one_of(_TEXTS, st.integers(), _FINITE, st.booleans(), st.none())
_POSITIVE = st.floats(min_value=5e-324, max_value=1e308)
_MODERATE = st.floats(-1e300, 1e300)
_WHOLE = st.integers(-(2**40), 2**40)


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(values, values).map(lambda pair: (min(pair), max(pair)))


def _made(maker: Any, *arguments: Any) -> Domain | None:
    """Return the domain, or None where a rule refuses the arguments (tested by example below)."""
    try:
        domain: Domain = maker(*arguments)
    except UsageError:
        return None
    return domain


def _some(maker: Any, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Domain]:
    drawn = st.tuples(*arguments).map(lambda values: _made(maker, *values))
    return drawn.filter(lambda domain: domain is not None)  # type: ignore[return-value] # filtered


def _interval(maker: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Domain]:
    return _pairs(values).map(lambda pair: maker(*pair))


_CATEGORIES = st.lists(SCALARS, min_size=1, max_size=6)
_RISING = st.lists(
    st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6)), min_size=1, max_size=8, unique=True
).map(sorted)
FLOATS = st.one_of(
    _interval(uniform, _MODERATE),
    _interval(loguniform, _POSITIVE),
    _interval(reverseloguniform, st.floats(0, math.nextafter(1, 0))),
)
INTEGERS = st.one_of(_interval(randint, _WHOLE), _interval(lograndint, st.integers(1, 2**40)))
LISTED = st.one_of(
    _some(choice, _CATEGORIES),
    _some(ordinal, _CATEGORIES, st.sampled_from([None, "equal"])),
    _some(ordinal, _RISING, st.sampled_from(["nn", None])),
    _some(logordinal, st.lists(st.floats(1e-9, 1e9), min_size=1, unique=True).map(sorted)),
    _some(finrange, st.floats(-1e6, 0), st.floats(1, 1e6), st.integers(2, 20), st.booleans()),
    _some(logfinrange, st.floats(1e-6, 1), st.floats(2, 1e6), st.integers(2, 20), st.booleans()),
)
DOMAINS = st.one_of(FLOATS, INTEGERS, LISTED)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name != "help" and not name.startswith("st_")
)
SPACES = st.dictionaries(NAMES, st.one_of(DOMAINS, SCALARS), max_size=5).map(ConfigSpace)
