"""What a benchmark asks to be judged by beside its loss: names of scores, and which way is worse.

    scores={"sum:cost": "min", "incumbent:test_loss": "min", "trials": "same",
            "units_to:0.3": ("min", 5)}

Each is one number per run; ``analysis/scores.py`` takes it from the run. ``min``: lower is better;
``max``: higher is; ``same``: it is a count that no change may move, up or down. A number beside it
is the tolerance, in the score's own unit: a shift that is put up with.

Invariants (tests/test_scoring.py holds each one):
- a name that means nothing, a direction or a tolerance that is none is refused with what there is;
- what is plain data in a baseline is read back as the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple, TypeGuard

from pytest_synebench.errors import BenchmarkError

COUNTS = {
    "trials": "trials that were started",
    "failed": "trials that failed",
    "diverged": "reports whose loss is no finite number",
    "duplicates": "trials whose config an earlier one had",
    "units": "resource units run, over all trials",
    "repeated": "resource units run again, for want of a checkpoint",
    "seconds": "time of the last report, virtual where the run is",
}
#: Followed by ":" and the key of a report, or a value of the metric.
WITH_KEY = {
    "sum": "what the last reports of all trials say under a key, summed up",
    "incumbent": "what the best report says under a key",
}
WITH_VALUE = {
    "units_to": "resource units run until the metric was that good",
    "seconds_to": "time until the metric was that good",
}
#: Followed by ":" and a number of trainings, from 1 to 100.
WITH_COUNT = {
    "reevaluated": "mean metric of the best config when it is trained so many times anew",
}
_MOST_TRAININGS = 100
_DIRECTIONS = ("min", "max", "same")
_OURS = ("final", "area")
_SHARE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)%", re.ASCII)


class Declared(NamedTuple):
    """How a score is read."""

    direction: Literal["min", "max", "same"]
    tolerance: float = 0.0  #: a shift that is put up with, in the score's unit


def checked_scores(scores: object) -> dict[str, Declared]:
    """Return declared scores by name.

    Raises:
        BenchmarkError: a name, direction or tolerance breaks its rule.

    >>> checked_scores({"trials": "same"})
    {'trials': Declared(direction='same', tolerance=0.0)}
    """
    if not isinstance(scores, Mapping):
        raise BenchmarkError(
            f"scores is {scores!r}; it must be a mapping such as {{'sum:cost': 'min'}}"
        )
    for name in scores:
        _check_name(name)
    return {name: _declared(name, how) for name, how in scores.items()}


def _check_name(name: object) -> None:
    kind, colon, rest = str(name).partition(":")
    if not colon and kind in COUNTS:
        return
    if colon and rest and (kind in WITH_KEY or (kind in WITH_VALUE and _is_number(rest))):
        return
    if kind in WITH_COUNT and rest in map(str, range(1, _MOST_TRAININGS + 1)):
        return
    spelled = {":KEY": WITH_KEY, ":VALUE": WITH_VALUE, ":N": WITH_COUNT}
    known = [*COUNTS, *(f"{one}{end}" for end, kinds in spelled.items() for one in kinds)]
    close = get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    ours = f"; {' and '.join(_OURS)} are always judged" if name in _OURS else ""
    raise BenchmarkError(
        f"scores has {name!r}, which is no score{ours}; there are: {', '.join(known)}.{hint}"
    )


def is_tolerance(value: object) -> TypeGuard[float | str]:
    """Whether a value says which shift of the metric is put up with: a number, or "10%".

    >>> is_tolerance(0.5), is_tolerance("2.5%"), is_tolerance("2.5"), is_tolerance(-1)
    (True, True, False, False)
    """
    if isinstance(value, str):
        return _SHARE.fullmatch(value) is not None and float(value[:-1]) < math.inf
    return _from_0_up(value)


def _from_0_up(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return 0 <= float(value) < math.inf
    except OverflowError:
        return False


def retrainings(names: Iterable[str]) -> int:
    """Return how often the best config is trained anew for scores of these names.

    >>> retrainings(["trials", "reevaluated:3"])
    3
    """
    parts = [name.partition(":") for name in names]
    return max((int(rest) for kind, _, rest in parts if kind in WITH_COUNT), default=0)


def of_the_chosen(name: str) -> bool:
    """Whether a score tells what the best config is worth otherwise than by what chose it."""
    return name.partition(":")[0] in {"incumbent", *WITH_COUNT}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _declared(name: str, how: object) -> Declared:
    direction, tolerance = (how, 0.0) if isinstance(how, str) else _pair(name, how)
    if direction not in _DIRECTIONS:
        raise BenchmarkError(
            f"scores[{name!r}] is {how!r}; it must be 'min' (lower is better), 'max' (higher is) "
            "or 'same' (no change may move it), or one of these with a tolerance: ('min', 0.5)"
        )
    return Declared(direction, tolerance)  # type: ignore[arg-type] # it is one of them


def _pair(name: str, how: object) -> tuple[object, float]:
    if isinstance(how, list | tuple) and len(how) == 2:
        direction, tolerance = how
        if _from_0_up(tolerance):
            return direction, float(tolerance)
        raise BenchmarkError(
            f"scores[{name!r}] has the tolerance {tolerance!r}; it must be a number from 0 up"
        )
    return None, 0.0
