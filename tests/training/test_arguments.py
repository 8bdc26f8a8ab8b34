"""The parser of a training script: one option per key, each value read back as it was written."""

from __future__ import annotations

from argparse import ArgumentParser
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, choice, loguniform, randint
from pytest_synebench.testing.spaces import SPACES
from pytest_synebench.training.arguments import add_to_argparse, parse_bool


def parsed(space: Any, argv: list[str]) -> dict[str, Any]:
    parser = ArgumentParser(allow_abbrev=False)
    add_to_argparse(parser, space)
    return vars(parser.parse_args(argv))


@given(space=SPACES, seed=st.integers())
def test_every_config_is_read_back_as_it_was(space: ConfigSpace, seed: int) -> None:
    config = space.merged(space.sample(Random(seed)))
    # With "=", since argparse takes a text that begins with "-" for an option.
    argv = [f"--{name}={value}" for name, value in config.items() if value is not None]
    back = parsed(space, argv)
    assert back == config
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in config.items()
    }


def test_a_parser_gains_the_keys_of_the_space_and_no_other() -> None:
    space = {"lr": loguniform(1, 50), "batch_size": randint(8, 256), "epochs": 81, "warm-up": 1}
    argv = ["--lr", "10", "--batch_size", "8", "--epochs", "3", "--warm-up", "2"]
    assert parsed(space, argv) == {"lr": 10.0, "batch_size": 8, "epochs": 3, "warm-up": 2}


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "the following arguments are required: --lr"),
        (["--lr", "ten"], "argument --lr: invalid float value: 'ten'"),
        (["--lr", "1", "--fast", "maybe"], "argument --fast: invalid parse_bool value: 'maybe'"),
        (["--lr", "1", "--fast", "no", "--k", "x"], "argument --k: invalid float value: 'x'"),
    ],
)
def test_a_missing_or_wrong_argument_ends_the_script(
    argv: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    space = {"lr": loguniform(1, 50), "fast": True, "k": choice([None, 1, 0.5])}
    with pytest.raises(SystemExit) as ended:
        parsed(space, argv)
    assert ended.value.code == 2
    assert text in capsys.readouterr().err


def test_only_what_may_be_none_may_be_left_out() -> None:
    space = {"k": choice([None, 1]), "path": None}
    assert parsed(space, []) == {"k": None, "path": None}
    assert parsed(space, ["--k", "1", "--path", "x"]) == {"k": 1, "path": "x"}


def test_by_hand_a_value_outside_of_the_space_is_accepted() -> None:
    assert parsed({"lr": loguniform(1, 50), "m": choice(["a", "b"])}, ["--lr=99", "--m=c"]) == {
        "lr": 99.0,
        "m": "c",
    }


def test_help_shows_the_domain(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed({"lr": loguniform(1, 50), "note": "50%"}, ["--help"])
    shown = capsys.readouterr().out
    assert "loguniform(1, 50)" in shown
    assert "'50%'" in shown


def test_a_space_that_breaks_a_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="config_space has the name 'st_x'"):
        parsed({"st_x": 1}, [])


@pytest.mark.parametrize("text", ["True", "true", "1", "YES", " true ", True])
def test_texts_that_are_true(text: Any) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["False", "false", "0", "no", False])
def test_texts_that_are_false(text: Any) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", ["", "maybe", "2", None])
def test_texts_that_are_neither_are_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="is neither true nor false; write True or False"):
        parse_bool(text)
    with pytest.raises(ValueError, match="is neither"):
        parse_bool(text)
