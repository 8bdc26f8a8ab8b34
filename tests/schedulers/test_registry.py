from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from by_hand import FREE, Numbered, start

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers import catalog, registry
from pytest_synebench.schedulers.arguments import Arguments

MODULE = """\
from pytest_synebench.schedulers.fifo import Fifo


def build(given):
    return Fifo(given.searcher, max_resource=given.params["my_last"])


def nothing(given):
    return None
"""
POINTS = """\
[synebench.schedulers]
my_rule = my_rules_of_a_test:build
fifo = my_rules_of_a_test:nothing
no_rule = my_rules_of_a_test:nothing
lost_rule = my_rules_of_a_test:never_written
"""


@pytest.fixture(autouse=True)
def a_package_with_schedulers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_rules_of_a_test.py").write_text(MODULE)
    info = tmp_path / "my_rules_of_a_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-rules-of-a-test\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    registry.installed.cache_clear()
    yield
    registry.installed.cache_clear()
    sys.modules.pop("my_rules_of_a_test", None)


def given(last: int = 7) -> Arguments:
    return Arguments(searcher=Numbered(), params={"my_last": last})


def test_a_third_party_s_scheduler_is_built_by_its_name_from_the_parameters() -> None:
    assert catalog.build("my_rule", given()).handle(FREE) == start(0, 7)


def test_looking_names_up_imports_nothing_of_theirs() -> None:
    assert "my_rule" in catalog.known()
    assert "my_rules_of_a_test" not in sys.modules


def test_it_never_hides_one_of_ours() -> None:
    assert catalog.known().count("fifo") == 1
    assert catalog.build("fifo", given()).handle(FREE) == start(0, None)


def test_a_misspelt_name_may_be_a_third_party_s() -> None:
    with pytest.raises(UsageError, match=r"known: .*my_rule.* Did you mean 'my_rule'"):
        catalog.build("my_rul", given())


def test_a_factory_that_is_not_there_or_returns_no_scheduler_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'lost_rule' is 'my_rules.*never_written', which cannot"):
        catalog.build("lost_rule", given())
    with pytest.raises(UsageError, match=r"'no_rule' .* returned None: it lacks decide, fold, "):
        catalog.build("no_rule", given())
