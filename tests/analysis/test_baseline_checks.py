"""A baseline is text that people merge and edit: what cannot be compared with is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.baselines import read_baseline
from pytest_synebench.errors import UsageError

GOOD: dict[str, Any] = {
    "problem": {"params": {"searcher": "random"}},
    "random_seed_offset": 0,
    "versions": {},
    "machine": {},
    "units": 9,
    "gate": {"scores": {"trials": "same"}, "tolerance": "10%", "paired": False, "floor": 0.0},
    "runs": {
        str(i): {"seed": i, "final": 0.5, "area": "inf", "trials": 3} for i in (0, 1, 4_294_967_295)
    },
    "fingerprints": {"0": {"sha256": "ab", "lines": "0123", "configs": "cd"}},
    "accepted": ["why"],
    "commit": "a" * 40,
}
LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part),
    max_leaves=5,
)


def written(path: Path, entry: object, *, schema: object = 1) -> Path:
    path.write_text(json.dumps({"schema": schema, "setups": {"toy::base": entry}}))
    return path


def places(data: object, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(data, dict):
        return [at]
    return [at] * bool(at) + [one for key in data for one in places(data[key], (*at, key))]


def changed(at: tuple[str, ...], value: object) -> dict[str, Any]:
    out = copy.deepcopy(GOOD)
    part = out
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = value
    return out


def test_what_is_whole_is_accepted(tmp_path: Path) -> None:
    [entry] = read_baseline(written(tmp_path / "b.json", GOOD)).values()
    assert entry.run_ids == [0, 1, 4_294_967_295]
    assert entry.scores()["area"] == [float("inf")] * 3


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        ((), None, "None is no mapping"),
        (("runs",), {}, "has 0 runs; it must have 1 to 1000"),
        (("runs",), {str(i): {"seed": i} for i in range(1001)}, "has 1001 runs"),
        (("runs", "-1"), GOOD["runs"]["0"], "'-1' is no run id"),
        (("runs", "01"), GOOD["runs"]["0"], "'01' is no run id"),
        (("runs", "4294967296"), GOOD["runs"]["0"], "'4294967296' is no run id"),
        (("runs", "1", "seed"), 0, "several run ids have one seed"),
        (("runs", "1", "seed"), True, "seed: True is no whole number from 0"),
        (("runs", "1", "final"), [1], "run id 1, final: [1] is no number"),
        (("runs", "1", "final"), "1.0", "run id 1, final: '1.0' is no number"),
        (("runs", "1", "final"), 10**400, "final: 1000"),
        (("runs", "1", "trials"), None, "trials: None is no number"),
        (("units",), -1, "units: -1 is no whole number"),
        (("commit",), "--upload-pack=x", "'--upload-pack=x' is no commit"),
        (("gate", "tolerance"), "-5%", "the tolerance is '-5%'"),
        (("gate", "tolerance"), "NaN%", "the tolerance is 'NaN%'"),
        (("gate", "tolerance"), "9" * 400 + "%", "the tolerance is '9999"),
        (("gate", "paired"), "no", "paired is 'no'"),
        (("gate", "floor"), "low", "the floor is 'low'"),
        (("gate", "scores"), {"no": "same"}, "scores has 'no', which is no score"),
        (("fingerprints", "7"), {}, "there is no such run"),
        (("fingerprints", "0", "sha256"), "../x", "'../x' is no hash"),
        (("problem", "params", "searcher"), 3, "its searcher is 3"),
        (("accepted",), "why", "'why' is no list of reasons"),
    ],
)
def test_what_was_edited_is_refused_with_its_place(
    tmp_path: Path, at: tuple[str, ...], value: object, said: str
) -> None:
    entry = changed(at, value) if at else value
    with pytest.raises(UsageError) as raised:
        read_baseline(written(tmp_path / "b.json", entry))
    assert said in str(raised.value)
    assert "restore it from version control" in str(raised.value)


@pytest.mark.parametrize("schema", [0, -1, 1.5, "1", None, True])
def test_a_schema_that_never_was_is_refused(tmp_path: Path, schema: object) -> None:
    with pytest.raises(UsageError, match="its schema is"):
        read_baseline(written(tmp_path / "b.json", GOOD, schema=schema))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": 1, "setups": {"a": NaN}}', "it has NaN, which is no JSON"),
        ('{"schema": 1, "setups": {"a": 1, "a": 2}}', "it has 'a' twice"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"schema": 1, "set', "Unterminated string"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_baseline(tmp_path / "b.json")


def test_bytes_that_are_no_text_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(b"\xff" * 10_000)
    with pytest.raises(UsageError) as raised:
        read_baseline(tmp_path / "b.json")
    assert len(str(raised.value)) < 400


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_baseline(tmp_path)


@given(at=st.sampled_from(places(GOOD)), value=ANYTHING)
def test_whatever_stands_anywhere_it_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: tuple[str, ...], value: object
) -> None:
    file = written(tmp_path_factory.getbasetemp() / "b.json", changed(at, value))
    try:
        [entry] = read_baseline(file).values()
    except UsageError:
        return
    assert len(entry.run_ids) == len(entry.seeds)
    for scores in entry.scores().values():
        assert len(scores) == len(entry.run_ids)
    _ = entry.fingerprints, entry.horizon, entry.offset, entry.commit, entry.paired
    _ = entry.tolerance, entry.declared
    entry.differences({"params": {}})
    entry.elsewhere({})
