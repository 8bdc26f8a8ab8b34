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
    qlograndint,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
    randint,
    randn,
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


def _stepped(
    maker: Any, steps: st.SearchStrategy[Any], numbers: st.SearchStrategy[int]
) -> st.SearchStrategy[Domain]:
    """Return domains of multiples whose bounds are multiples too, or near one by rounding."""
    drawn = st.tuples(steps, _pairs(numbers)).map(
        lambda drawn: _made(maker, drawn[0] * drawn[1][0], drawn[0] * drawn[1][1], drawn[0])
    )
    return drawn.filter(lambda domain: domain is not None)  # type: ignore[return-value] # filtered


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
_STEPS = st.one_of(
    st.sampled_from([0.1, 0.25, 1e-5, 2.0]), st.floats(1e-6, 1e6), st.floats(1e-290, 1e290)
)
_WHOLE_STEPS = st.integers(1, 2**10)
_FEW, _MANY = st.integers(-(2**28), 2**28), st.integers(-(2**40), 2**40)
_POSITIVE_FEW, _POSITIVE_MANY = st.integers(1, 2**28), st.integers(1, 2**40)
QUANTISED = st.one_of(
    _stepped(quniform, _STEPS, _MANY),
    _stepped(qloguniform, _STEPS, _POSITIVE_MANY),
    _stepped(qrandint, _WHOLE_STEPS, _FEW),
    _stepped(qlograndint, _WHOLE_STEPS, _POSITIVE_FEW),
    _some(quniform, st.floats(-1e6, 0), st.floats(1, 1e6), st.floats(1e-6, 1)),
    _some(qrandint, st.integers(-1000, 0), st.integers(100, 1000), st.integers(1, 100)),
)
NORMALS = st.one_of(
    _some(randn, _MODERATE, st.floats(5e-324, 1e300)),
    _some(randn, st.floats(-10, 10), st.floats(1e-3, 1e3)),
    _some(qrandn, st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(1e-2, 1e4)),
    _some(qrandn, st.just(0.0), st.just(1.0), _STEPS),
)
FINITE = st.one_of(INTEGERS, QUANTISED, LISTED)
DOMAINS = st.one_of(FLOATS, FINITE, NORMALS)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name != "help" and not name.startswith("st_")
)
SPACES = st.dictionaries(NAMES, st.one_of(DOMAINS, SCALARS), max_size=5).map(ConfigSpace)
