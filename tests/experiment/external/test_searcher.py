from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asked import GOOD, command, saying
from toy_plan import toy_plan

from pytest_synebench.errors import SearcherError, UsageError
from pytest_synebench.events import SlotFreed, Start
from pytest_synebench.experiment.assembly import build_asking, build_external, build_searcher
from pytest_synebench.experiment.external.process import Process
from pytest_synebench.experiment.external.searcher import ExternalSearcher, recalling
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialId

SPACE = {"config_space": {"x": uniform(0, 1), "epochs": 9}}


def plan_of(folder: Path, program: str = GOOD, **params: Any) -> Plan:
    params = {"searcher": "external", "searcher_command": command(folder, program), **params}
    return toy_plan(folder, fields=SPACE, **params)


class Made:
    """External searchers that are closed in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[ExternalSearcher] = []

    def __call__(self, program: str = GOOD, **params: Any) -> ExternalSearcher:
        made = build_external(plan_of(self.folder, program, **params))
        assert made is not None
        made.place(self.folder, None)
        self.all.append(made)
        return made

    def log(self) -> list[dict[str, Any]]:
        return [*map(json.loads, (self.folder / "searcher.log").read_text().splitlines())]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Made]:
    made = Made(tmp_path)
    yield made
    for one in made.all:
        one.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"no command says which; give --searcher_command 'python my_searcher\.py', or choose"),
        (" ", "no command says which"),
        ("'python", r'searcher_command is "\'python", .* cannot be read: No closing quotation'),
        ("a\0b", r"cannot be read: there is a NUL in it"),
        ("''", "there is no program ''"),
        ("no-such-program --x 1", "there is no program 'no-such-program'; name one that is on the"),
        ("./train.py", r"there is no program './train\.py'"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused_before_anything_starts(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        build_asking(plan_of(tmp_path, searcher_command=text))


def test_the_points_come_first_and_start_no_process(make: Made) -> None:
    searcher = make(points_to_evaluate=[{"x": 0.25}, {"x": 0.75}])
    assert [searcher.suggest(History(), i) for i in range(2)] == [{"x": 0.25}, {"x": 0.75}]
    assert not (make.folder / "searcher.log").exists()
    assert searcher.suggest(History(), 2) == {"x": 0.02}


def test_a_number_is_asked_once_for_a_history(make: Made) -> None:
    searcher, history = make(), History({TrialId(0): {"x": 0.5}})
    assert [searcher.suggest(history, 1) for _ in range(3)] == [{"x": 0.01}] * 3
    history.configs[TrialId(1)] = {"x": 0.01}
    assert searcher.suggest(history, 2) == {"x": 0.02}
    searcher.close()
    hello, *said = make.log()
    assert hello["hello"] == 1
    assert said == [
        {"tell": "trial", "trial": 0, "config": {"x": 0.5}},
        {"ask": 1},
        {"tell": "trial", "trial": 1, "config": {"x": 0.01}},
        {"ask": 2},
    ]


def test_another_history_has_a_process_of_its_own(make: Made) -> None:
    searcher = make()
    for trial in (0, 1):
        searcher.suggest(History({TrialId(trial): {"x": 0.5}}), 1)
    searcher.close()
    assert [line.get("hello") for line in make.log()].count(1) == 2


def test_a_space_that_is_exhausted_is_no_error(make: Made) -> None:
    searcher = make(saying('{"answer": N, "config": null}'))
    assert searcher.suggest(History(), 1) is None


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (saying('{"answer": N, "config": {"x": 1.5}}'), r"answer to ask 1 is refused: .*1\.5"),
        (saying('{"answer": 7, "config": {"x": 0.5}}'), "it answered 7, and was asked 1"),
        ("import sys; sys.exit('no GPU')", r"exit code 1; its last lines:\nno GPU\nMend it"),
    ],
)
def test_an_error_names_the_command_and_the_way_out(make: Made, program: str, said: str) -> None:
    with pytest.raises(SearcherError, match=said) as broken:
        make(program).suggest(History(), 1)
    text = str(broken.value)
    assert text.startswith("the external searcher, ")
    assert "my searcher.py'" in text
    assert f"--synebench-resume goes on from there ({make.folder / 'searcher.log'} has" in text


def test_a_second_answer_to_one_ask_is_noticed(make: Made) -> None:
    twice = '{"answer": N, "config": {"x": 0.5}}'
    searcher, history = make(saying(f"{twice}\n{twice}")), History()
    assert searcher.suggest(history, 1) == {"x": 0.5}
    with pytest.raises(SearcherError, match=r"it answered 1, and was asked 2: .* has one answer"):
        searcher.suggest(history, 2)


def test_while_answers_are_recalled_nobody_is_asked(
    make: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher = make()
    starts = [Start(trial_id=TrialId(i), config={"x": i / 8}) for i in range(2)]
    entries = [Entry(SlotFreed(at_s=0.0), (start,)) for start in starts]
    with monkeypatch.context() as patched, recalling(searcher, entries):
        patched.setattr(Process, "__init__", pytest.fail)
        assert searcher.suggest(History(), 1) == {"x": 0.125}
        assert searcher.suggest(History(), 2) is None
    assert searcher.suggest(History(), 2) == {"x": 0.02}


def test_only_its_own_name_makes_one(tmp_path: Path) -> None:
    assert build_external(plan_of(tmp_path, searcher="random")) is None
    assert isinstance(build_searcher(plan_of(tmp_path)), ExternalSearcher)
