"""Chance that is keyed: by the whole key, alike in every process."""

from __future__ import annotations

from pytest_synebench.space import (
    keyed_random,
)


def test_keyed_chance_depends_on_the_whole_key() -> None:
    draws = {
        keyed_random(*key).random()
        for key in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a1"), ("0", "a", 1)]
    }
    assert len(draws) == 6


def test_keyed_chance_is_the_same_in_every_process() -> None:
    # Written down once: another value here would break every journal's audit.
    assert keyed_random(7, "random", 3).random() == 0.33982288962546203
