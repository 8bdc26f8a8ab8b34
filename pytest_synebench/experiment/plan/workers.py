"""How many trials run at once: what was asked for, as far as the machine goes.

Two trials that want the same processor, or the same GPU, take longer than one after the other.

Invariants (tests/experiment/plan/test_workers.py holds each one):
- trials at once need no more processors and no more GPUs than there are, unless one trial does;
- fewer than asked is always said, with what is short and how to lift it;
- a trial that wants more GPUs than there are is refused; where there are none, the default holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_synebench.errors import UsageError


def workers(params: Mapping[str, Any], processors: int, gpus: int) -> tuple[int, str]:
    """Return how many trials run at once, and why fewer than were asked for ("": as many).

    Args:
        params: of a plan: num_workers, threads_per_trial, num_gpus_per_trial, oversubscribe.
        processors: that trials may use, >= 1.
        gpus: likewise, >= 0.

    >>> params = {"threads_per_trial": None, "num_gpus_per_trial": 1, "oversubscribe": False}
    >>> workers({"num_workers": 4, **params}, processors=2, gpus=0)[1]
    '4 workers asked, 2 run at once: this machine has 2 processors (--oversubscribe 1 lifts it)'
    """
    asked: int = params["num_workers"]
    if params["oversubscribe"]:
        return asked, ""
    threads = params["threads_per_trial"] or 1
    by_processors = max(1, processors // threads)
    per_trial = params["num_gpus_per_trial"]
    by_gpus = max(1, gpus // per_trial) if gpus and per_trial else asked
    allowed = min(asked, by_processors, by_gpus)
    if allowed == asked:
        return asked, ""
    if by_processors <= by_gpus:
        why = _has(processors, "processor") + (f", a trial has {threads} threads" * (threads > 1))
        way_out = "--oversubscribe 1 lifts it"
    else:
        why = f"{_has(gpus, 'GPU')}, a trial gets {per_trial}"
        way_out = (
            "--num_gpus_per_trial 0 where trials use none; --oversubscribe 1 lets trials share"
        )
    run = "runs" if allowed == 1 else "run"
    return allowed, f"{asked} workers asked, {allowed} {run} at once: {why} ({way_out})"


def check_gpus(params: Mapping[str, Any], gpus: int) -> None:
    """Refuse trials that cannot have the GPUs they are to have.

    Raises:
        UsageError: with the value, what is there, and the way out.
    """
    per_trial = params["num_gpus_per_trial"]
    # One is the default, which a machine without GPUs ignores.
    if per_trial <= max(1, gpus):
        return
    least = f"--num_gpus_per_trial {gpus}, or 0 where trials use none" if gpus else "0 or 1"
    raise UsageError(
        f"num_gpus_per_trial is {per_trial}, and {_has(gpus, 'GPU')} that may be used "
        f"(CUDA_VISIBLE_DEVICES, where it is set, says which): give {least}, or run it where "
        f"{per_trial} are"
    )


def _has(count: int, what: str) -> str:
    return f"this machine has {count or 'no'} {what}" + ("" if count == 1 else "s")
