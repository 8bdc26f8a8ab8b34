"""Threads that wake whoever selects."""

from __future__ import annotations

import select
from threading import Event

from pytest_synebench.experiment.keeping.jobs import Jobs


def readable(jobs: Jobs[int], timeout_s: float) -> bool:
    return bool(select.select([jobs], [], [], timeout_s)[0])


def test_a_job_that_is_done_wakes_and_is_taken_once() -> None:
    jobs: Jobs[int] = Jobs(1)
    assert not readable(jobs, 0.0)
    jobs.submit(lambda: 7)
    assert readable(jobs, 60.0)
    assert jobs.take() == [7]
    assert jobs.take() == []
    assert not readable(jobs, 0.0)
    jobs.close()


def test_what_a_job_raises_is_its_result_and_the_next_runs() -> None:
    jobs: Jobs[int] = Jobs(1)
    error = ValueError("bad")

    def fail() -> int:
        raise error

    jobs.submit(fail)
    jobs.submit(lambda: 8)
    taken: list[int | Exception] = []
    while len(taken) < 2 and readable(jobs, 60.0):
        taken += jobs.take()
    assert taken == [error, 8]
    jobs.close()


def test_close_waits_for_what_runs_begins_nothing_and_may_be_repeated() -> None:
    jobs: Jobs[int] = Jobs(1)
    began, seen = Event(), list[int]()

    def work() -> int:
        began.set()
        seen.append(1)
        return 1

    jobs.submit(work)
    began.wait(60.0)
    jobs.close()
    assert seen == [1]
    jobs.close()
