from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.errors import SearcherError
from pytest_synebench.experiment.external.lines import (
    MAX_LINE_BYTES,
    Answers,
    News,
    answered,
    ask,
    hello,
)
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, choice, uniform
from pytest_synebench.trial import Report, Scalar, TrialId

SPACE = ConfigSpace({"x": uniform(0, 1), "cell": choice(["gru", "lstm"]), "epochs": 9})
GOOD: dict[str, Scalar] = {"x": 0.5, "cell": "gru"}


def told(news: News, history: History) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in news.lines(history)]


def report(trial: int, value: float, **metrics: Scalar) -> Report:
    return Report(trial_id=TrialId(trial), resource=1, loss=value, at_s=0.0, metrics=metrics)


def test_hello_says_what_there_is_to_search(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, run_id=7, fields={"constraint_attr": "size"})
    assert json.loads(hello(plan, SPACE)) == {
        "hello": 1,
        "space": {
            "x": {"domain": "uniform", "lower": 0.0, "upper": 1.0},
            "cell": {"domain": "choice", "categories": ["gru", "lstm"]},
        },
        "constants": {"epochs": 9},
        "metric": "loss",
        "mode": "min",
        "resource_attr": "epoch",
        "max_resource": 9,
        "constraint_attr": "size",
        "seed": 7,
    }
    assert json.loads(ask(3)) == {"ask": 3}


def test_what_is_new_is_told_once_trials_first() -> None:
    history, news = History(), News("max")
    history.configs[TrialId(0)] = {"x": math.inf}
    history.reports.append(report(0, -0.25, epoch=1, acc=0.25, loss=math.nan))
    history.paused.add(TrialId(0))
    assert told(news, history) == [
        {"tell": "trial", "trial": 0, "config": {"x": None}},
        {
            "tell": "report",
            "trial": 0,
            "resource": 1,
            "value": 0.25,  # as the user reported it: mode is max
            "metrics": {"epoch": 1, "acc": 0.25, "loss": None},
        },
        {"tell": "state", "trial": 0, "state": "paused"},
    ]
    assert told(news, history) == []

    history.configs[TrialId(1)] = {"x": 1}
    history.paused.clear()
    history.ended.add(TrialId(1))
    history.reports.append(report(1, math.nan))
    assert told(news, history) == [
        {"tell": "trial", "trial": 1, "config": {"x": 1}},
        {"tell": "report", "trial": 1, "resource": 1, "value": None, "metrics": {}},
        {"tell": "state", "trial": 0, "state": "running"},
        {"tell": "state", "trial": 1, "state": "ended"},
    ]


def test_a_paused_trial_that_ended_runs_no_more() -> None:
    history, news = History(), News("min")
    history.configs[TrialId(0)] = {}
    history.paused.add(TrialId(0))
    told(news, history)
    history.paused.clear()
    history.ended.add(TrialId(0))
    assert told(news, history) == [{"tell": "state", "trial": 0, "state": "ended"}]


_PRINTS = st.binary(max_size=30).filter(
    lambda text: b"\n" not in text and not text.lstrip(b" \t\r").startswith(b"{")
)
_ANSWERS = st.binary(max_size=30).filter(lambda text: b"\n" not in text).map(lambda t: b"{" + t)


@given(written=st.lists(st.tuples(st.booleans(), _ANSWERS, _PRINTS)), data=st.data())
def test_answers_and_prints_are_told_apart_however_the_bytes_are_cut(
    written: list[tuple[bool, bytes, bytes]], data: st.DataObject
) -> None:
    lines = [answer if is_answer else text for is_answer, answer, text in written]
    whole, printed, found = b"".join(line + b"\n" for line in lines), list[bytes](), list[bytes]()
    answers = Answers(printed.append)
    while whole:
        cut = data.draw(st.integers(1, len(whole)))
        answers.feed(whole[:cut])
        whole = whole[cut:]
        while (line := answers.next()) is not None:
            found.append(line)
    assert found == [line for line in lines if line.startswith(b"{")]
    kept = [line.lstrip(b" \t\r") for line in lines if not line.startswith(b"{")]
    assert b"".join(printed) == b"".join(line + b"\n" for line in kept if line)


def test_a_line_without_end_is_refused_and_a_print_without_end_is_not_kept() -> None:
    sizes = list[int]()
    answers = Answers(lambda data: sizes.append(len(data)))
    for _ in range(64):
        answers.feed(b"x" * MAX_LINE_BYTES)
    assert sum(sizes) == 64 * MAX_LINE_BYTES
    answers.feed(b"\n{")
    with pytest.raises(SearcherError, match=r"a line of more than 1048576 bytes that begins with"):
        answers.feed(b"x" * MAX_LINE_BYTES)


def test_an_answer_is_a_config_in_the_form_of_its_domains() -> None:
    line = json.dumps({"answer": 3, "config": {"cell": "gru", "x": 1, "epochs": 9}}).encode()
    config = answered(line, 3, SPACE)
    assert repr(config) == "{'x': 1.0, 'cell': 'gru'}"
    assert answered(b'{"answer": 3, "config": null, "why": "done"}', 3, SPACE) is None


def of(config: object, number: object = 3) -> bytes:
    return json.dumps({"answer": number, "config": config}).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (of(GOOD, 2), r"it answered 2, and was asked 3: .*; each ask has one answer"),
        (of(GOOD, "3"), r"it answered '3', and was asked 3"),
        (of(GOOD, 3.0), r"it answered 3\.0, and was asked 3"),
        (of(GOOD, True), r"it answered True, and was asked 3"),
        (b"{'answer': 3}", r"begins like an answer and is not JSON: Expecting property name"),
        (b'{"answer": 3, "config": {"x": NaN}}', "NaN is no number of JSON"),
        (b'{"a":' * 100_000, "is not JSON: it is nested too deeply"),
        (b'{"answer": 3}\xff', "is not JSON: 'utf-8' codec"),
        (b'{"answer": 3}', r'an answer is \{"answer": 3, "config": …\}: a line that begins'),
        (of([0.5, "gru"]), r"config is \[0\.5, 'gru'\]; it must be an object of names"),
        (of({"x": 0.5}), r"answer to ask 3 is refused: config \{'x': 0\.5\} lacks cell"),
        (of({**GOOD, "x": 2}), r"x.*2.*uniform\(0, 1\)"),
        (of({**GOOD, "x": "0.5"}), r"x.*'0\.5'.*uniform\(0, 1\)"),
        (of({**GOOD, "x": True}), r"x.*True.*uniform\(0, 1\)"),
        (of({**GOOD, "x": [0.5]}), r"x.*\[0\.5\].*uniform\(0, 1\)"),
        (of({**GOOD, "cell": "rnn"}), r"cell.*'rnn'"),
        (of({**GOOD, "lr": 1}), r"'lr'"),
        (of({**GOOD, "epochs": 3}), r"epochs.*3"),
        (b'{"answer": 3, "config": {"x": 1e999, "cell": "gru"}}', r"x.*inf"),
    ],
)
def test_any_other_answer_is_refused(line: bytes, said: str) -> None:
    with pytest.raises(SearcherError, match=said) as refused:
        answered(line, 3, SPACE)
    assert len(str(refused.value)) < 1000
