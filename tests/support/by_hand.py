"""Events and a searcher for examples that are worked by hand."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synebench.events import Ended, Pause, Reported, Resume, SlotFreed, Start, Stop
from pytest_synebench.searchers.protocol import History
from pytest_synebench.trial import Config, Report, TrialId, TrialState

FREE = SlotFreed(at_s=0.0)
FREE_BUT_CAPPED = SlotFreed(at_s=0.0, may_start=False)


@dataclass(frozen=True)
class Numbered:
    """Config i is {"number": i}, until the space of ``size`` is used up."""

    size: int = 10**9

    def suggest(self, history: History, number: int) -> Config | None:
        return {"number": number} if number < self.size else None


def reported(trial: int, resource: int, loss: float) -> Reported:
    return Reported(report=Report(trial_id=TrialId(trial), resource=resource, loss=loss, at_s=0.0))


def completed(trial: int) -> Ended:
    return Ended(at_s=0.0, trial_id=TrialId(trial), state=TrialState.COMPLETED)


def failed(trial: int) -> Ended:
    return Ended(at_s=0.0, trial_id=TrialId(trial), state=TrialState.FAILED, reason="it broke")


def start(trial: int, until: int | None) -> tuple[Start]:
    return (Start(trial_id=TrialId(trial), config={"number": trial}, until=until),)


def resume(trial: int, until: int) -> tuple[Resume]:
    return (Resume(trial_id=TrialId(trial), until=until),)


def pause(trial: int) -> tuple[Pause]:
    return (Pause(trial_id=TrialId(trial)),)


def stop(trial: int) -> tuple[Stop]:
    return (Stop(trial_id=TrialId(trial)),)
