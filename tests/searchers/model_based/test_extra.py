from __future__ import annotations

import importlib.util
from importlib import metadata

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.catalog import build
from pytest_synebench.searchers.model_based import extra
from pytest_synebench.space import ConfigSpace, uniform

SPACE = ConfigSpace({"x": uniform(0, 1), "y": uniform(0, 1)})


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("tpe", "optuna"),
        ("gp", "torch"),
        ("bayesopt", "optuna"),
        ("bayesopt_constrained", "optuna"),
        ("cmaes", "cmaes"),
    ],
)
def test_a_missing_package_is_named_with_the_command(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        extra, "find_spec", lambda asked: None if asked == package else found("json")
    )
    monkeypatch.setattr(metadata, "version", lambda _: "5.0.0")
    text = rf"needs the package {package}, .*; pip install 'pytest-synebench\[bo\]', or choose"
    with pytest.raises(UsageError, match=text):
        build(name, SPACE, seed=0, constraint_attr="c")


def test_an_older_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: importlib.util.find_spec("json"))
    monkeypatch.setattr(metadata, "version", lambda _: "4.9.1")
    with pytest.raises(UsageError, match=r"tpe needs optuna 5\.0 or newer, and 4\.9\.1 is inst"):
        build("tpe", SPACE, seed=0)
