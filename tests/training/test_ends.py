"""Where an attempt ends by itself: real scripts in real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.training.conftest import Outcome, Runner

HEAD = """
    import argparse, json, os, sys, threading
    from pytest_synebench.training import (Reporter, add_checkpointing_to_argparse,
        checkpoint_model_at_rung_level, resume_from_checkpointed_model)
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=9)
    add_checkpointing_to_argparse(parser)
    config = vars(parser.parse_args())
    report = Reporter()
    state = {"w": 0.0}
    def save(path, epoch):
        with open(os.path.join(path, "state.json"), "w") as f:
            json.dump({"epoch": epoch, **state}, f)
    def load(path):
        with open(os.path.join(path, "state.json")) as f:
            got = json.load(f)
        state["w"] = got["w"]
        return got["epoch"]
"""
LOOP = """
    start = resume_from_checkpointed_model(config, load)
    for epoch in range(start + 1, config["epochs"] + 1):
        print("epoch", epoch, file=sys.stderr)
        state["w"] += epoch
        {first}
        {second}
    print("ran to its end", state["w"])
"""
RESUME = "resume_from_checkpointed_model(config, load)"
SAVE = "checkpoint_model_at_rung_level(config, save, epoch)"
REPORT = "report(epoch=epoch, loss=1 / state['w'])"
SAVE_THEN_REPORT = HEAD + LOOP.format(first=SAVE, second=REPORT)
REPORT_THEN_SAVE = HEAD + LOOP.format(first=REPORT, second=SAVE)


def args(attempt: Runner) -> list[str]:
    return ["--st_checkpoint_dir", str(attempt.checkpoints)]


def last_epoch(done: Outcome) -> int:
    """Return the last epoch that the script began to train."""
    return int(done.stderr.split()[-1])


def test_save_then_report_ends_in_the_report_of_the_last_level(attempt: Runner) -> None:
    done = attempt(SAVE_THEN_REPORT, *args(attempt), until=3, checkpoint_at=[1, 3, 9])
    assert done.said == [
        ("hello", True),
        ("saved", 1),
        ("report", 1),
        ("report", 2),
        ("saved", 3),
        ("report", 3),
    ]
    assert (done.code, done.stdout, last_epoch(done)) == (0, "", 3)


def test_report_then_save_ends_in_the_checkpoint_call_of_the_last_level(attempt: Runner) -> None:
    done = attempt(REPORT_THEN_SAVE, *args(attempt), until=3, checkpoint_at=[1, 3, 9])
    assert done.said == [
        ("hello", True),
        ("report", 1),
        ("saved", 1),
        ("report", 2),
        ("report", 3),
        ("saved", 3),
    ]
    assert (done.code, done.stdout, last_epoch(done)) == (0, "", 3)


@pytest.mark.parametrize("body", [SAVE_THEN_REPORT, REPORT_THEN_SAVE])
def test_a_last_level_that_is_not_to_be_saved_is_an_end_all_the_same(
    attempt: Runner, body: str
) -> None:
    done = attempt(body, *args(attempt), until=2, checkpoint_at=[9])
    assert done.said == [("hello", True), ("report", 1), ("report", 2)]
    assert (done.code, done.stdout, last_epoch(done)) == (0, "", 2)


@pytest.mark.parametrize("body", [SAVE_THEN_REPORT, REPORT_THEN_SAVE])
def test_a_resumed_attempt_goes_on_behind_its_checkpoint(attempt: Runner, body: str) -> None:
    attempt(body, *args(attempt), until=3, checkpoint_at=[1, 3, 9])
    done = attempt(body, *args(attempt), until=5, checkpoint_at=[1, 3, 9], resume_at_most=3)
    assert done.said == [("hello", True), ("report", 4), ("report", 5)]
    assert done.messages[0].fields["resumed_from"] == 3
    assert done.messages[1].fields["metrics"]["loss"] == 1 / (1 + 2 + 3 + 4)


@pytest.mark.parametrize("body", [SAVE_THEN_REPORT, REPORT_THEN_SAVE])
def test_without_checkpoints_the_report_of_the_last_level_is_the_end(
    attempt: Runner, body: str
) -> None:
    done = attempt(body, until=2, checkpoint_at=None, checkpoint_dir=None)
    assert done.said == [("hello", False), ("report", 1), ("report", 2)]
    assert (done.code, done.stdout, last_epoch(done)) == (0, "", 2)


def test_checkpoints_that_are_off_do_not_delay_the_end(attempt: Runner) -> None:
    done = attempt(REPORT_THEN_SAVE, *args(attempt), until=2, checkpoint_at=None)
    assert done.said == [("hello", False), ("report", 1), ("report", 2)]
    assert not attempt.checkpoints.exists()


def test_without_a_last_level_the_script_runs_to_its_end(attempt: Runner) -> None:
    done = attempt(SAVE_THEN_REPORT, *args(attempt), "--epochs", "2", checkpoint_at=[])
    assert done.said[-1] == ("report", 2)
    assert done.stdout == "ran to its end 3.0\n"


def test_a_helper_first_called_after_the_hello_amends_it(attempt: Runner) -> None:
    body = (
        HEAD
        + f"""
    for epoch in range(1, 10):
        state["w"] += epoch
        {REPORT}
        {SAVE}
    """
    )
    done = attempt(body, *args(attempt), until=2, checkpoint_at=[])
    assert done.said == [
        ("hello", False),
        ("report", 1),
        ("hello", True),
        ("saved", 1),
        ("report", 2),
        ("saved", 2),
    ]
    assert done.code == 0


def test_a_first_report_behind_the_last_level_is_sent_and_ends_the_process(
    attempt: Runner,
) -> None:
    done = attempt(HEAD + "    report(epoch=4, loss=1.0); print('on')", until=3)
    assert done.said == [("hello", False), ("report", 4)]
    assert (done.code, done.stdout) == (0, "")


def test_a_checkpoint_beyond_the_last_level_is_not_saved_and_ends_the_process(
    attempt: Runner,
) -> None:
    body = HEAD + f"    report(epoch=3)\n    epoch = 4\n    {SAVE}; print('on')"
    body = body.replace("report(", f"{RESUME}; report(", 1)
    done = attempt(body, *args(attempt), until=3)
    assert done.said == [("hello", True), ("report", 3)]
    assert (done.code, done.stdout) == (0, "")


def test_a_script_that_checkpoints_rarely_ends_at_its_next_report(attempt: Runner) -> None:
    body = (
        HEAD
        + f"""
    start = resume_from_checkpointed_model(config, load)
    for epoch in range(1, 10):
        state["w"] += epoch
        {REPORT}
        if epoch % 5 == 0: {SAVE}
    """
    )
    done = attempt(body, *args(attempt), until=3)
    assert done.said == [("hello", True), ("report", 1), ("report", 2), ("report", 3)]
    assert done.code == 0


@pytest.mark.parametrize("call", [REPORT, SAVE])
def test_a_swallowed_end_is_final_at_the_next_call(attempt: Runner, call: str) -> None:
    body = (
        HEAD
        + f"""
    print("out of buffer", end="")
    for epoch in range(1, 10):
        state["w"] += epoch
        try:
            {REPORT}
        except BaseException as error:
            epoch += 10
            print(repr(error), end="")
            try:
                {call}
            finally:
                os._exit(77)
    """
    )
    done = attempt(body, *args(attempt), until=2)
    assert done.said == [("hello", False), ("report", 1), ("report", 2)]
    assert (done.code, done.stdout) == (0, "out of bufferSystemExit(0)")


def test_cleaning_up_runs_at_the_end(attempt: Runner) -> None:
    body = (
        HEAD
        + """
    import atexit
    atexit.register(lambda: print("atexit"))
    try:
        report(epoch=1, loss=1.0)
    finally:
        print("finally")
    """
    )
    assert attempt(body, until=1).stdout == "finally\natexit\n"


def test_an_end_in_another_thread_ends_the_whole_process(attempt: Runner) -> None:
    body = (
        HEAD
        + """
    print("before", end="")
    worker = threading.Thread(target=lambda: report(epoch=1, loss=1.0))
    worker.start()
    threading.Event().wait(30)
    os._exit(77)
    """
    )
    done = attempt(body, until=1)
    assert (done.code, done.stdout) == (0, "before")


def test_a_repeated_or_earlier_level_is_sent_as_it_is(attempt: Runner) -> None:
    body = HEAD + "    for epoch in [2, 2, 1]: report(epoch=epoch, loss=0.1)"
    assert attempt(body, until=3).said[1:] == [("report", 2), ("report", 2), ("report", 1)]


def test_threads_report_behind_one_hello(attempt: Runner) -> None:
    body = (
        HEAD
        + """
    def some(thread):
        for i in range(25): report(epoch=i + 1, thread=thread)
    threads = [threading.Thread(target=some, args=(t,)) for t in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    """
    )
    done = attempt(body)
    assert [kind for kind, _ in done.said] == ["hello"] + 100 * ["report"]
    assert [m.sequence for m in done.messages] == list(range(101))


@pytest.mark.parametrize("order", [(SAVE, REPORT), (REPORT, SAVE)])
def test_a_script_that_skips_the_last_level_ends_at_the_first_it_reports_behind_it(
    attempt: Runner, order: tuple[str, str]
) -> None:
    every_other = LOOP.replace('config["epochs"] + 1)', 'config["epochs"] + 1, 2)').replace(
        "start + 1,", "start + 2,"
    )
    script = HEAD + every_other.format(first=order[0], second=order[1])
    done = attempt(script, *args(attempt), until=3, checkpoint_at=[1, 3, 9])
    assert sorted(done.said[1:]) == [("report", 2), ("report", 4), ("saved", 4)]
    assert (done.code, last_epoch(done)) == (0, 4)


@pytest.mark.parametrize("first", [SAVE, REPORT])
def test_a_script_that_saves_every_level_and_reports_every_other_ends_with_a_report(
    attempt: Runner, first: str
) -> None:
    report = "report(epoch=epoch, loss=1.0) if epoch % 2 == 0 else None"
    order = (SAVE, report) if first == SAVE else (report, SAVE)
    script = HEAD + LOOP.format(first=order[0], second=order[1])
    done = attempt(script, *args(attempt), until=3, checkpoint_at=[1, 3, 9])
    assert ("report", 4) in done.said
    assert ("saved", 4) in done.said
    assert (done.code, last_epoch(done)) == (0, 4)
