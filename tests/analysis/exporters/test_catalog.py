from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from pytest_synebench.analysis.exporters import catalog
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.store.results import Runs


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint(name, value, catalog.GROUP)
        for name, value in (("csv", "os.path:join"), ("bad", "no_such_module:f"), ("mlflow", "x:y"))
    ]
    monkeypatch.setattr(catalog, "entry_points", lambda group: points)


def test_packages_add_exporters_and_displace_none_of_ours(theirs: None) -> None:
    assert catalog.names() == ["bad", "csv", "mlflow", "optuna", "tensorboard"]
    assert catalog.exporter("csv").__name__ == "join"
    assert catalog.exporter("mlflow").__module__.startswith("pytest_synebench.")


def test_what_is_no_exporter_is_refused(theirs: None) -> None:
    with pytest.raises(UsageError, match=r"'optona'; known: bad, .*Did you mean 'optuna'\?"):
        catalog.exporter("optona")
    with pytest.raises(UsageError, match="the exporter 'bad' of no_such_module:f cannot be loaded"):
        catalog.exporter("bad")


@pytest.mark.parametrize("name", sorted(catalog.OURS))
def test_a_missing_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = {"tensorboard": "tensorboard.compat.proto"}.get(name, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"exporting to {name} needs .*synebench\[{name}\]"):
        list(catalog.exporter(name)(Runs(), "somewhere"))
