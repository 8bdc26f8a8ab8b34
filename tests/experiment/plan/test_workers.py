from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.workers import check_gpus, workers


def params(**given_: Any) -> dict[str, Any]:
    defaults = {
        "num_workers": 4,
        "threads_per_trial": None,
        "num_gpus_per_trial": 1,
        "oversubscribe": False,
    }
    return {**defaults, **given_}


@pytest.mark.parametrize(
    ("given_", "processors", "gpus", "allowed", "why"),
    [
        ({}, 4, 0, 4, ""),
        ({}, 64, 4, 4, ""),
        (
            {},
            2,
            0,
            2,
            (
                "4 workers asked, 2 run at once: this machine has 2 processors "
                "(--oversubscribe 1 lifts it)"
            ),
        ),
        (
            {},
            1,
            1,
            1,
            (
                "4 workers asked, 1 runs at once: this machine has 1 processor "
                "(--oversubscribe 1 lifts it)"
            ),
        ),
        (
            {"threads_per_trial": 3},
            8,
            0,
            2,
            (
                "4 workers asked, 2 run at once: this machine has 8 processors, a trial has 3 "
                "threads (--oversubscribe 1 lifts it)"
            ),
        ),
        (
            {},
            8,
            2,
            2,
            (
                "4 workers asked, 2 run at once: this machine has 2 GPUs, a trial gets 1 "
                "(--num_gpus_per_trial 0 where trials use none; "
                "--oversubscribe 1 lets trials share)"
            ),
        ),
        (
            {"num_gpus_per_trial": 2},
            8,
            3,
            1,
            (
                "4 workers asked, 1 runs at once: this machine has 3 GPUs, a trial gets 2 "
                "(--num_gpus_per_trial 0 where trials use none; "
                "--oversubscribe 1 lets trials share)"
            ),
        ),
        ({"num_gpus_per_trial": 0}, 8, 2, 4, ""),
        ({"oversubscribe": True}, 1, 1, 4, ""),
        ({"num_workers": 1, "threads_per_trial": 9}, 2, 0, 1, ""),
    ],
)
def test_as_many_run_as_the_machine_has_room_for_and_fewer_are_explained(
    given_: dict[str, Any], processors: int, gpus: int, allowed: int, why: str
) -> None:
    assert workers(params(**given_), processors, gpus) == (allowed, why)


@given(
    asked=st.integers(1, 40),
    threads=st.none() | st.integers(1, 9),
    per_trial=st.integers(0, 4),
    processors=st.integers(1, 40),
    gpus=st.integers(0, 9),
)
def test_trials_at_once_need_no_more_than_there_is_unless_one_does(
    asked: int, threads: int | None, per_trial: int, processors: int, gpus: int
) -> None:
    asked_for = params(num_workers=asked, threads_per_trial=threads, num_gpus_per_trial=per_trial)
    allowed, why = workers(asked_for, processors, gpus)

    def fits(count: int) -> bool:
        return count * (threads or 1) <= processors and (not gpus or count * per_trial <= gpus)

    assert 1 <= allowed <= asked
    assert allowed == 1 or fits(allowed)
    assert allowed == asked or not fits(allowed + 1)
    assert bool(why) == (allowed < asked)


@pytest.mark.parametrize(("per_trial", "gpus"), [(0, 0), (1, 0), (1, 1), (2, 2), (2, 8), (0, 8)])
def test_gpus_that_are_there_may_be_asked_for(per_trial: int, gpus: int) -> None:
    check_gpus(params(num_gpus_per_trial=per_trial), gpus)


@pytest.mark.parametrize(
    ("per_trial", "gpus", "text"),
    [
        (
            3,
            2,
            (
                "num_gpus_per_trial is 3, and this machine has 2 GPUs that may be used "
                "(CUDA_VISIBLE_DEVICES, where it is set, says which): give --num_gpus_per_trial 2, "
                "or 0 where trials use none, or run it where 3 are"
            ),
        ),
        (
            2,
            0,
            (
                "num_gpus_per_trial is 2, and this machine has no GPUs that may be used "
                "(CUDA_VISIBLE_DEVICES, where it is set, says which): give 0 or 1, or run it "
                "where 2 are"
            ),
        ),
    ],
)
def test_more_gpus_than_there_are_is_refused_with_the_way_out(
    per_trial: int, gpus: int, text: str
) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(text)}$"):
        check_gpus(params(num_gpus_per_trial=per_trial), gpus)
