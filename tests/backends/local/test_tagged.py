"""Reports among what a script prints: cut anywhere, between anything, of any form."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_synebench.backends.local.tagged import Printed, TaggedReports
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.channel import MAX_LINE_BYTES, Message
from pytest_synebench.trial import TrialId

SPEC = AttemptSpec(
    key=AttemptKey(TrialId(0), 0),
    config={"epochs": 9},
    seed=0,
    directory=Path("/"),
    resource_attr="epoch",
    until=None,
    resume_at_most=0,
    checkpoint_at=None,
)


def reader(printed: Printed | None = None, **told: Any) -> TaggedReports:
    made = (printed or Printed(reports=True)).reader(replace(SPEC, **told))
    assert made is not None
    return made


def line(**metrics: object) -> bytes:
    return f"[tune-metric]: {json.dumps(metrics)}\n".encode()


def metrics(messages: Sequence[Message]) -> list[Any]:
    return [m.fields["metrics"] for m in messages if m.kind == "report"]


JUNK = st.one_of(
    st.binary(max_size=30).filter(lambda b: b"[" not in b),
    st.sampled_from([b"[tune-metric", b"10%|##    |\r", b"\n", b"[tune-metric] \n", b"\xff\xfe"]),
)


@given(
    parts=st.lists(st.one_of(JUNK, st.integers(1, 99)), max_size=12),
    cuts=st.lists(st.integers(0, 600), max_size=8),
)
@example(parts=[b"[tune-metric", 1], cuts=[])
def test_every_report_arrives_once_and_in_order_however_it_is_cut(
    parts: list[bytes | int], cuts: list[int]
) -> None:
    data = b"".join(p if isinstance(p, bytes) else line(epoch=p, x=0.5) for p in parts)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    tagged = reader()
    out: list[Message] = []
    for start, end in itertools.pairwise(edges):
        out += tagged.feed(data[start:end])
    out += tagged.finish()
    assert metrics(out) == [{"epoch": p, "x": 0.5} for p in parts if isinstance(p, int)]
    assert tagged.rejected == 0


def test_a_report_without_a_newline_at_the_end_counts() -> None:
    tagged = reader()
    assert tagged.feed(line(epoch=1)[:-1]) == []
    assert metrics(tagged.finish()) == [{"epoch": 1}]
    assert tagged.finish() == []


def test_a_report_that_a_signal_has_cut_short_is_none_and_no_fault() -> None:
    tagged = reader()
    tagged.feed(line(epoch=1) + line(epoch=2)[:-3])
    assert tagged.finish() == []
    assert (tagged.rejected, tagged.trouble) == (0, "")


def test_two_reports_that_threads_have_printed_into_one_line_are_two() -> None:
    tagged = reader()
    assert metrics(tagged.feed(line(epoch=1)[:-1] + line(epoch=2))) == [{"epoch": 1}, {"epoch": 2}]
    out = tagged.feed(b'[tune-metric]: {"epo' + line(epoch=3))
    assert metrics(out) == [{"epoch": 3}]
    assert tagged.rejected == 1


def test_what_follows_a_report_on_its_line_is_left_alone() -> None:
    assert metrics(reader().feed(line(epoch=1)[:-1] + b" 100%|####| {done}\n")) == [{"epoch": 1}]


def test_a_first_report_begins_the_attempt() -> None:
    hello, report = reader().feed(line(epoch=1))
    assert (hello.kind, report.kind) == ("hello", "report")
    assert hello.fields == {"resumed_from": 0, "checkpoints": False, "remark": ""}


@pytest.mark.parametrize(
    ("known", "first", "begun"), [(3, 4, 3), (3, 1, 0), (3, 3, 0), (0, 2, 0), (3, 6, 3)]
)
def test_an_attempt_whose_first_report_is_new_went_on(known: int, first: int, begun: int) -> None:
    hello, _ = reader(resume_at_most=known).feed(line(epoch=first))
    assert hello.fields["resumed_from"] == begun


def test_a_hello_of_the_checkpoint_helpers_is_not_repeated() -> None:
    tagged = reader()
    tagged.hear([Message("hello", 0, {"checkpoints": True, "resumed_from": 2, "remark": ""})])
    assert [m.kind for m in tagged.feed(line(epoch=3))] == ["report"]


def test_keys_of_the_system_go_no_further_unless_the_benchmark_names_them() -> None:
    body = {"epoch": 1, "loss": 2.0, "st_worker_time": 0.5, "st_worker_timestamp": 1.6e9}
    named = Printed(reports=True, named=frozenset({"st_worker_time"}))
    assert metrics(reader().feed(line(**body))) == [{"epoch": 1, "loss": 2.0}]
    assert metrics(reader(named).feed(line(**body))) == [
        {"epoch": 1, "loss": 2.0, "st_worker_time": 0.5}
    ]


def test_a_diverged_value_is_reported_as_it_is() -> None:
    (told,) = metrics(reader().feed(line(epoch=1, loss=math.nan, up=math.inf, ok=True, tag="a")))
    assert math.isnan(told.pop("loss"))
    assert told == {"epoch": 1, "up": math.inf, "ok": True, "tag": "a"}


@pytest.mark.parametrize("value", [[1], {"a": 1}, 2**63, -(2**63)])
def test_a_value_that_is_no_scalar_is_left_out_and_named(value: object) -> None:
    tagged = reader()
    assert metrics(tagged.feed(line(epoch=1, x=value))) == [{"epoch": 1}]
    assert tagged.trouble == f"'x' is {json.dumps(value)}, which is no number or text"


BAD = [
    b"[tune-metric]: {'epoch': 1}",
    b"[tune-metric]: [1]",
    b"[tune-metric]: 3",
    b"[tune-metric]:",
    b'[tune-metric]: {"epoch": 1',
    b'[tune-metric]: {"epoch": ' + b"9" * 5000 + b"}",
    b"[tune-metric]: " + b'{"a":' * 9000,
    b"[tune-metric]: \x1b[2J\xff",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_tagged_and_no_report_is_counted_and_quoted(text: bytes) -> None:
    tagged = reader()
    assert metrics(tagged.feed(text + b"\n" + line(epoch=1))) == [{"epoch": 1}]
    assert tagged.rejected == 1
    assert tagged.trouble.endswith("behind its tag, no JSON object")
    assert tagged.trouble.isprintable()
    assert len(tagged.trouble) < 200


def test_the_first_of_several_bad_lines_is_quoted() -> None:
    tagged = reader()
    tagged.feed(b"[tune-metric]: first\n[tune-metric]: second\n" + line(epoch=1, x=[1]))
    assert tagged.trouble == "'first' behind its tag, no JSON object"
    assert tagged.rejected == 2


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    tagged = reader()
    tagged.feed(b"[tune-metric]: {" + data)
    tagged.finish()


def test_a_report_that_is_too_long_is_none_and_the_next_one_is() -> None:
    tagged = reader()
    for _ in range(4):
        assert tagged.feed(b"[tune-metric]: {" + b" " * MAX_LINE_BYTES) == []
        assert len(tagged._line) <= MAX_LINE_BYTES
    assert metrics(tagged.feed(b"\n" + line(epoch=1))) == [{"epoch": 1}]
    assert tagged.rejected == 1
    assert f"it has more than {MAX_LINE_BYTES} bytes" in tagged.trouble


def test_a_line_of_any_length_before_a_report_is_not_held() -> None:
    tagged = reader()
    for _ in range(40):
        tagged.feed(b"." * 10_000)
        assert len(tagged._line) <= MAX_LINE_BYTES
    assert metrics(tagged.feed(line(epoch=1))) == [{"epoch": 1}]


def test_a_tag_that_is_cut_behind_a_long_line_is_one() -> None:
    tagged = reader()
    tagged.feed(b"." * MAX_LINE_BYTES + b"[tune-met")
    assert metrics(tagged.feed(b'ric]: {"epoch": 1}\n')) == [{"epoch": 1}]


def test_a_progress_bar_behind_a_report_does_not_make_it_too_long() -> None:
    tagged = reader()
    out = tagged.feed(line(epoch=1)[:-1] + b"\r 10%|#    |" * 9000 + b"\n")
    assert (metrics(out), tagged.rejected) == ([{"epoch": 1}], 0)


def test_nothing_is_sent_of_a_level_behind_its_end() -> None:
    tagged = reader(until=2)
    sent = tagged.feed(line(epoch=1) + line(epoch=2) + line(epoch=3) + line(epoch=2))
    assert metrics(sent) == [{"epoch": 1}, {"epoch": 2}]
    assert tagged.over


@pytest.mark.parametrize(
    ("epochs", "until", "over"), [(9, 3, True), (3, 3, False), (9, None, False), (9, 9, False)]
)
def test_an_attempt_is_over_where_no_argument_of_its_own_ends_it(
    epochs: int, until: int | None, over: bool
) -> None:
    printed = Printed(reports=True, max_resource_attr="epochs")
    tagged = reader(printed, until=until, config={"epochs": epochs})
    assert not tagged.over
    tagged.feed(line(epoch=until or 9))
    assert tagged.over == over


def test_an_attempt_that_saves_is_over_once_its_level_is_safe() -> None:
    tagged = reader(until=3)
    tagged.hear([Message("hello", 0, {"checkpoints": True, "resumed_from": 0, "remark": ""})])
    tagged.feed(line(epoch=3))
    assert not tagged.over
    tagged.hear([Message("saved", 1, {"level": 3})])
    assert tagged.over


def test_each_kind_of_remark_is_made_once() -> None:
    told: list[str] = []
    printed = Printed(remark=told.append)
    for trial in (TrialId(0), TrialId(1)):
        printed.unheard(trial)
        printed.bad_line(trial, "why")
    first, second = told
    assert first.startswith("trial 0 printed lines tagged [tune-metric]: and reported nothing")
    assert first.endswith("Benchmark(report_protocol='syne_tune') reads them")
    assert second == "trial 0 printed what is no report: why"
