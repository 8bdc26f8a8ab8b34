from __future__ import annotations

import threading

import pytest
from training_jobs import request

from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import LINES_KEPT, Account, Entry, Settings
from pytest_synebench.emulator.jobs.lifecycle import Downloaded, Effect, StopAsked
from pytest_synebench.emulator.refusal import Refusal


class Noted:
    """Machines that do nothing, and say what was demanded."""

    def __init__(self) -> None:
        self.demanded: list[tuple[str, Effect]] = []

    def carry_out(self, entry: Entry, effect: Effect) -> None:
        self.demanded.append((entry.name, effect))


@pytest.fixture
def machines() -> Noted:
    return Noted()


@pytest.fixture
def account(machines: Noted) -> Account:
    made = Account(Clock(driven=True), Settings())
    made.use(machines)
    return made


def test_a_name_is_given_once_even_after_its_job_has_ended(account: Account) -> None:
    entry = account.create(request("a"))
    account.feed(entry, StopAsked())
    account.feed(entry, Downloaded())
    assert entry.life.status == "Stopped"
    with pytest.raises(Refusal, match=r"ResourceInUse.*already exists \(arn:aws:sagemaker.*/a\)"):
        account.create(request("a"))


def test_what_is_due_is_done_when_the_clock_was_moved(account: Account, machines: Noted) -> None:
    entry = account.create(request("a"))
    account.feed(entry, Downloaded())
    account.advance(3599.0)
    assert machines.demanded == [("a", Effect.DOWNLOAD), ("a", Effect.RUN)]
    account.advance(1.0)
    assert machines.demanded[2:] == [("a", Effect.TERMINATE)]
    account.advance(120.0)
    assert machines.demanded[3:] == [("a", Effect.KILL)]


def test_whoever_waits_sees_it_at_once(account: Account) -> None:
    entry = account.create(request("a"))
    seen = threading.Event()

    def waits() -> None:
        if account.wait(lambda: entry.life.status == "Stopping", 60.0):
            seen.set()

    waiting = threading.Thread(target=waits)
    waiting.start()
    account.feed(entry, StopAsked())
    assert seen.wait(60.0)
    waiting.join()


def test_old_lines_are_dropped(account: Account) -> None:
    entry = account.create(request("a"))
    account.add_lines(entry, ["line"] * LINES_KEPT)
    account.add_lines(entry, ["last"])
    assert len(entry.lines) == LINES_KEPT
    assert entry.lines[-1] == "last"


def test_a_job_that_never_was_is_not_found_in_the_words_of_the_service(account: Account) -> None:
    with pytest.raises(Refusal, match="ValidationException: Requested resource not found"):
        account.find("b")  # ASSUMED-08


def test_instances_of_jobs_that_ended_are_free_again(account: Account) -> None:
    account.quotas["ml.m5.large for training job usage"] = 1
    entry = account.create(request("a"))
    with pytest.raises(Refusal, match="ResourceLimitExceeded"):
        account.create(request("b"))
    account.feed(entry, StopAsked())
    account.feed(entry, Downloaded())
    account.create(request("b"))
