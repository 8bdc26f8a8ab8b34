from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.errors import TrialError
from pytest_synebench.trial import Scalar, TrialId

from .local_stage import local_stage, run, spec_of

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.one_of(TEXT, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
CONFIGS = st.dictionaries(NAMES, VALUES, max_size=6)

#: Writes down what it was given, as it was given.
ECHO = """
import json, os, sys
told = json.load(open(os.environ["SYNEBENCH_ATTEMPT"], encoding="utf-8"))
print(json.dumps({"argv": sys.argv[1:], "config": told["config"]}))
"""


def spec(config: dict[str, Scalar], directory: Path = Path("/t"), **other: Any) -> AttemptSpec:
    fields: dict[str, Any] = {
        "seed": 9,
        "resource_attr": "epoch",
        "until": 3,
        "resume_at_most": 1,
        "checkpoint_at": None,
        **other,
    }
    key = AttemptKey(TrialId(2), 1)
    return AttemptSpec(key=key, config=config, directory=directory, **fields)


def parsed(arguments: tuple[str, ...]) -> dict[str, str]:
    """Read arguments as argparse does."""
    out, left = {}, list(arguments)
    while left:
        name, joined, value = left.pop(0).removeprefix("--").partition("=")
        out[name] = value if joined else left.pop(0)
    return out


@settings(deadline=None)
@given(CONFIGS)
def test_every_value_but_none_is_an_argument_as_it_was_typed(config: dict[str, Scalar]) -> None:
    arguments = briefing.arguments(spec(config))
    told = {name: str(value) for name, value in config.items() if value is not None}
    assert parsed(arguments) == told
    for name, value in config.items():
        if isinstance(value, float):
            assert float(parsed(arguments)[name]) == value


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(config=CONFIGS, long=TEXT)
def test_a_config_reaches_the_process_through_arguments_and_file(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, Scalar], long: str
) -> None:
    config["long"] = long + "ä" * 50_000
    with local_stage(tmp_path_factory.mktemp("run"), ECHO) as stage:
        spec = spec_of(stage, **config)  # type: ignore[arg-type]  # `trial` is no such name
        assert run(stage, spec)[1].ok
        told = json.loads((spec.directory / "stdout.log").read_text())
        assert tuple(told["argv"]) == briefing.arguments(spec)
        finite = {name: v for name, v in config.items() if v not in (float("inf"), -float("inf"))}
        assert {name: told["config"][name] for name in finite} == finite
        assert json.loads((spec.directory / "config.json").read_text()) == told["config"]


def test_argparse_takes_every_number_and_text() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    for name, kind in {"lr": float, "n": int, "text": str, "empty": str}.items():
        parser.add_argument(f"--{name}", type=kind)
    config: dict[str, Scalar] = {"lr": -1e-05, "n": -3, "text": "--lr", "empty": ""}
    assert vars(parser.parse_args(briefing.arguments(spec(config)))) == config


def test_none_is_left_out_and_the_scripts_default_holds() -> None:
    assert briefing.arguments(spec({"a": None, "b": True, "c": 0})) == ("--b", "True", "--c", "0")


def test_the_checkpoint_directory_is_an_argument_where_checkpoints_are_on() -> None:
    assert briefing.arguments(spec({}, checkpoint_at=())) == (
        "--st_checkpoint_dir",
        "/t/checkpoints",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\0b", "it has a NUL character, which ends an argument"),
        ("x" * 131_072, "it has 131072 bytes, the limit is 131071"),
        ("\ud800", r"'\\ud800' has no form in utf-8"),
    ],
)
def test_a_value_that_no_argument_list_holds_is_named_with_the_rule(text: str, why: str) -> None:
    with pytest.raises(TrialError, match=f"the value of 'x' .*: {why}. Take it out"):
        briefing.arguments(spec({"x": text}))


def test_the_longest_value_fits(tmp_path: Path) -> None:
    with local_stage(tmp_path, "import sys; print(len(sys.argv[2]))") as stage:
        longest = spec_of(stage, text="x" * briefing.MAX_ARGUMENT_BYTES)
        assert run(stage, longest)[1].ok
        assert (longest.directory / "stdout.log").read_text() == "131071\n"


def test_the_attempts_file_says_what_the_job_side_reads(tmp_path: Path) -> None:
    told = spec({"lr": 0.5, "top": float("inf")}, tmp_path, checkpoint_at=(1, 3))
    path = briefing.write_files(told, Path("/s/train.py"), "abc")
    assert json.loads(path.read_text()) == {
        "schema": 1,
        "trial": 2,
        "attempt": 1,
        "fd": 3,
        "nonce": "abc",
        "seed": 9,
        "resource_attr": "epoch",
        "until": 3,
        "resume_at_most": 1,
        "checkpoint_at": [1, 3],
        "checkpoint_dir": str(tmp_path / "checkpoints"),
        "config": {"lr": 0.5, "top": {"float": "inf"}},
        "script": "/s/train.py",
    }
    assert sorted(file.name for file in tmp_path.iterdir()) == ["attempt.json", "config.json"]


def test_the_environment_is_the_users_without_coverage_and_with_ours() -> None:
    user = {"HOME": "/h", "COV_CORE_SOURCE": "x", "COVERAGE_PROCESS_CONFIG": "y", "COVERAGE": "z"}
    assert briefing.environment(user, Path("/t/attempt.json"), "token") == {
        "HOME": "/h",
        "COVERAGE": "z",
        "PYTHONHASHSEED": "0",
        "SYNEBENCH_ATTEMPT": "/t/attempt.json",
        "SYNEBENCH_RUN": "token",
    }


def test_a_hash_seed_of_the_users_own_stays() -> None:
    told = briefing.environment({"PYTHONHASHSEED": "7"}, Path("/t/attempt.json"), "token")
    assert told["PYTHONHASHSEED"] == "7"


def test_the_next_attempt_is_told_anew(tmp_path: Path) -> None:
    script = "import json, os; print(json.load(open(os.environ['SYNEBENCH_ATTEMPT']))['attempt'])"
    with local_stage(tmp_path, script) as stage:
        for number in range(2):
            run(stage, spec_of(stage, number=number))
        assert (stage.directory / "0/stdout.log").read_text() == "0\n1\n"
