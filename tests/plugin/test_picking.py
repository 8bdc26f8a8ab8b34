"""Given node ids select; experiments stay together."""

from __future__ import annotations

import pytest

from pytest_synebench.plugin.session.picking import _names

from .conftest import Go


@pytest.mark.parametrize(
    ("wanted", "nodeid", "expected"),
    [
        ("synebench::a::b::trial[1]", "synebench::a::b::trial[1]", True),
        ("synebench::a::b::trial[1]", "synebench::a::b::trial[10]", False),
        ("synebench::a::b::trial", "synebench::a::b::trial[10]", True),
        ("synebench::a::b", "synebench::a::b::sound", True),
        ("synebench::a::b", "synebench::a::b2::sound", False),
        ("synebench::a", "synebench::a::b::sound", True),
    ],
)
def test_a_node_id_names_what_lies_below_it(wanted: str, nodeid: str, expected: bool) -> None:
    assert _names(wanted, nodeid) is expected


def test_node_ids_and_ordinary_tests_are_picked_side_by_side(go: Go) -> None:
    result = go("synebench::toy::base-fifo-random-r0::sound", "test_ordinary.py", "-v")
    assert result.parseoutcomes() == {"passed": 3, "deselected": 11}


def test_a_conftest_that_reverses_the_items_does_not_tear_experiments_apart(
    go: Go, pytester: pytest.Pytester
) -> None:
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text() + "\ndef pytest_collection_modifyitems(items): items.reverse()\n"
    )
    result = go("--synebench", "toy", "-v", "--variant", "tiny", "--num_workers", "1")
    lines = [line for line in result.outlines if line.startswith("synebench::")]
    assert [line.split()[0].rsplit("::", 1)[1] for line in lines] == [
        "launch",
        "trial[0]",
        "trial[1]",
        "sound",
    ]
