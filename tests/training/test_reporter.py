"""``report(...)``: what is taken, what is refused, and what it looks like by hand."""

from __future__ import annotations

import enum
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch  # noqa: TID253 - its scalars are what is reported
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import ReportError
from pytest_synebench.training.attempt import Attempt
from pytest_synebench.training.reporter import Reporter, plain_scalar, shortened
from pytest_synebench.training.session import Session
from tests.training.test_attempt import TOLD

if TYPE_CHECKING:
    from tests.training.conftest import Runner


def test_by_hand_a_report_is_one_readable_line(attempt: Runner) -> None:
    done = attempt.by_hand("""
        from pytest_synebench.training import Reporter
        report = Reporter()
        report(epoch=1, objective=-412.3, best=True, note="a b", loss=float("nan"), x=None)
    """)
    assert done.stdout == (
        "report: epoch=1 objective=-412.3 best=True note='a b' loss=nan x=None\n"
    ), done.stderr


def test_every_kind_of_scalar_arrives(attempt: Runner) -> None:
    done = attempt("""
        import numpy, torch
        from pytest_synebench.training import Reporter
        Reporter()(epoch=numpy.int64(1), a=0.1, b=True, c="\\u00e9", d=None, e=float("nan"),
            f=float("-inf"), g=numpy.float32(0.5), h=torch.tensor(2.0, requires_grad=True),
            i=numpy.bool_(True), j=numpy.array(7), k=numpy.float64(0.25))
    """)
    assert [m.kind for m in done.messages] == ["hello", "report"], done.stderr
    metrics = dict(done.messages[1].fields["metrics"])
    assert math.isnan(metrics.pop("e"))
    expected = {"epoch": 1, "a": 0.1, "b": True, "c": "\u00e9", "d": None, "f": -math.inf}
    assert metrics == expected | {"g": 0.5, "h": 2.0, "i": True, "j": 7, "k": 0.25}
    assert metrics["b"] is True
    assert metrics["i"] is True


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int8(3), 3),
        (np.bool_(False), False),
        (np.str_("x"), "x"),
        (np.array(1.5), 1.5),
        (torch.tensor(True), True),
        (torch.tensor(4), 4),
        (Colour.RED, 1),
        (None, None),
    ],
)
def test_a_scalar_becomes_pythons_own(value: object, plain: object) -> None:
    got = plain_scalar(value)
    assert got == plain
    assert type(got) is type(plain)


@pytest.mark.parametrize(
    "value",
    [
        [0.1],
        (1,),
        {"a": 1},
        b"x",
        1j,
        np.array([0.5]),
        torch.tensor([0.5]),
        np.complex64(1),
        object(),
        print,
    ],
)
def test_anything_else_is_refused_with_name_type_and_cure(value: object) -> None:
    with pytest.raises(ReportError, match=r"report\(\) got loss=.* pass loss=float\(") as caught:
        Reporter()(epoch=1, loss=value)
    assert f"of type {type(value).__name__};" in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=5))
def test_reserved_names_are_refused(rest: str) -> None:
    with pytest.raises(ReportError, match="names that begin with 'st_' are the system's own"):
        Reporter()(**{"st_" + rest: 1.0})


def test_a_report_of_nothing_and_an_endless_integer_are_refused() -> None:
    with pytest.raises(ReportError, match=r"report\(\) got no metric; write report\(epoch"):
        Reporter()()
    with pytest.raises(ReportError, match=r"report\(\) got n, an int of more than 64 bits"):
        Reporter()(n=2**63)
    with pytest.raises(ReportError, match=r"report\(\) got n, an int of more than 64 bits"):
        Reporter()(n=-(2**63) - 1)


class Recorder:
    """Stands for the pipe."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.sent.append(kind)


def session(**told: object) -> tuple[Session, Recorder]:
    recorder = Recorder()
    made = Session(Attempt({**TOLD, "until": None, **told}), recorder)  # type: ignore[arg-type]
    return made, recorder


@pytest.mark.parametrize("level", [0, -1, 1.0, 1.5, True, "1", None, math.nan])
def test_a_level_that_is_no_positive_integer_is_refused(level: object) -> None:
    made, recorder = session()
    with pytest.raises(
        ReportError, match=r"got epoch=.*; a resource level is an integer from 1 up"
    ):
        made.report({"epoch": level, "loss": 0.1})
    assert recorder.sent == []


def test_a_report_without_the_level_is_refused_and_says_what_it_got() -> None:
    made, recorder = session()
    with pytest.raises(ReportError, match=r"got step, loss, but not 'epoch'.*report\(epoch=epoch"):
        made.report({"step": 1, "loss": 0.1})
    assert recorder.sent == []


def test_a_benchmark_without_levels_takes_any_report() -> None:
    made, recorder = session(resource_attr=None)
    made.report({"loss": 0.1})
    made.report({"epoch": -1})
    assert recorder.sent == ["hello", "report", "report"]


def test_a_remark_is_kept_in_an_amended_hello_and_cut_to_fit_a_message() -> None:
    told = []
    made, recorder = session()
    recorder.send = lambda kind, **fields: told.append(fields)  # type: ignore[method-assign]
    made.begin(remark="x" * 100_000, resumed_from=3)
    made.begin(checkpoints=True)
    assert [len(f["remark"]) for f in told] == [4000, 4000]
    assert [f["resumed_from"] for f in told] == [3, 3]
    assert [f["checkpoints"] for f in told] == [False, True]


def test_a_thread_reports_after_another_has_finished_and_after_the_hello() -> None:
    made, recorder = session()
    log: list[str] = []
    others: list[threading.Thread] = []

    def slow_send(kind: str, **fields: Any) -> None:
        log.append(f"begin {kind}")
        if len(others) < 2:
            others.append(threading.Thread(target=made.report, args=({"epoch": 2},)))
            others[-1].start()
            others[-1].join(0.1)  # time enough to cut in, where nothing holds it back
        log.append(f"end {kind}")

    recorder.send = slow_send  # type: ignore[method-assign]
    made.report({"epoch": 1})
    for other in others:
        other.join()
    assert log == ["begin hello", "end hello"] + 3 * ["begin report", "end report"]


def test_a_child_that_runs_a_script_of_ours_cannot_report_for_the_trial(attempt: Runner) -> None:
    done = attempt("""
        import os, subprocess, sys
        from pytest_synebench.training import Reporter
        if len(sys.argv) == 1:
            child = subprocess.run([sys.executable, __file__, "child"], capture_output=True)
            print(child.stderr.decode())
        Reporter()(epoch=1)
    """)
    assert "was started by the trial's process and has no report pipe" in done.stdout
    assert [m.kind for m in done.messages] == ["hello", "report"]


def test_long_values_are_shown_short_and_on_one_line() -> None:
    assert shortened("a\nb") == r"'a\nb'"
    assert shortened(np.zeros((3, 3)), 20) == "array([[0., 0., 0..."
