"""Brackets: where on the ladder a new trial begins, as a hedge against a first rung too low.

Of K levels, a trial in bracket s begins at the (s+1)-th: it is not compared before. Bracket 0 is
plain successive halving; with K brackets, the last one runs every trial to the end. In which one a
trial is, is drawn from (seed, trial), with the share of configs that synchronous Hyperband gives to
each: bracket s gets K / ((K - s) * r_s), scaled to a sum of 1, where r_s is its first level.

Either all brackets share one system of rungs, in which a trial of a higher bracket meets those of
the lower ones that have come as far (the default, as in Syne Tune); or each has rungs of its own
(``rung_system_per_bracket``, as in the paper), and a trial is compared within its bracket.

Invariants (tests/schedulers/halving/test_brackets.py holds each one):
- the bracket of a trial depends on (seed, trial) alone, and the shares are those above;
- one bracket draws nothing: every trial is in bracket 0;
- more brackets than levels are refused.

Source: Li et al., JMLR 18 (2018), Algorithm 1: with B = K R, bracket s of ours (s_max - s of
theirs) has n = ceil(K / (K - s) * R / r_s) configs; we leave the rounding out. The draw instead of
a cycle through the brackets: Syne Tune, whose distribution this is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.halving.ladder import Ladder, RungMaker
from pytest_synebench.schedulers.halving.rungs import Rung, check_levels
from pytest_synebench.space.chance import keyed_random
from pytest_synebench.trial import TrialId


class Brackets:
    """Every ladder of a scheduler, and which trial is on which one.

    Args:
        levels: resource levels, ascending; trials are compared at all but the last, where they end.
        reduction_factor: eta: one trial in this many moves up, >= 2.
        brackets: how many, from 1 to the number of levels.
        apart: whether each bracket has rungs of its own.
        seed: what chance depends on.
        rung: makes the rung of a level, for a factor.

    Raises:
        UsageError: the levels do not ascend from 1 up, the factor is below 2, or there are more
            brackets than levels.
    """

    def __init__(
        self,
        levels: Sequence[int],
        reduction_factor: int,
        *,
        brackets: int = 1,
        apart: bool = False,
        seed: int = 0,
        rung: RungMaker = Rung,
    ) -> None:
        check_levels(levels)
        if not 1 <= brackets <= len(levels):
            raise UsageError(
                f"brackets is {brackets}; with the levels {', '.join(map(str, levels))} there are "
                f"from 1 to {len(levels)}, each beginning at one of them"
            )
        self._levels = tuple(levels)
        self._seed = seed
        self._apart = apart
        self._limits = tuple(accumulate(shares(levels, brackets)))
        systems = range(brackets if apart else 1)
        self._ladders = tuple(Ladder(levels[s:], reduction_factor, rung) for s in systems)
        self._bracket_of: dict[TrialId, int] = {}
        ranked = [(-rung.level, s, rung) for s in systems for rung in self._ladders[s].rungs]
        self._from_the_top = tuple(rung for _, _, rung in sorted(ranked, key=lambda one: one[:2]))

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels at which trials are compared, ascending: the last one is not among them."""
        return self._levels[:-1]

    @property
    def last(self) -> int:
        """The level at which trials end."""
        return self._levels[-1]

    def draw(self, trial_id: TrialId) -> int:
        """Return the bracket of a trial, whether it has entered or not."""
        if len(self._limits) == 1:
            return 0
        ticket = keyed_random(self._seed, "bracket", trial_id).random() * self._limits[-1]
        return min(bisect_right(self._limits, ticket), len(self._limits) - 1)

    def first_level(self, trial_id: TrialId) -> int:
        """Return the level to which a new trial runs first."""
        return self._levels[self.draw(trial_id)]

    def enter(self, trial_id: TrialId) -> None:
        """Take a new trial in."""
        bracket = self._bracket_of[trial_id] = self.draw(trial_id)
        self.ladder(trial_id).enter(trial_id, 0 if self._apart else bracket)

    def ladder(self, trial_id: TrialId) -> Ladder:
        """Return the ladder that a trial is on."""
        return self._ladders[self._bracket_of[trial_id] if self._apart else 0]

    def from_the_top(self) -> Iterator[Rung]:
        """Yield every rung, the highest first, of equal ones that of the lower bracket."""
        return iter(self._from_the_top)


def shares(levels: Sequence[int], brackets: int) -> list[float]:
    """Return the share of new trials that each bracket gets; they sum up to 1.

    >>> [round(share, 3) for share in shares((1, 3, 9), 3)]
    [0.545, 0.273, 0.182]
    """
    total = len(levels)
    weights = [total / ((total - s) * levels[s]) for s in range(brackets)]
    return [weight / sum(weights) for weight in weights]
