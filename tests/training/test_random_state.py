"""The state of the global generators goes through a file unchanged."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # noqa: TID253 - its generator is one of those saved

from pytest_synebench.errors import CheckpointError
from pytest_synebench.training import random_state


@pytest.fixture(autouse=True)
def _untouched_generators() -> Iterator[None]:
    before = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global one is what is saved
    yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    random.setstate(before[0])
    torch.set_rng_state(before[1])


def draws() -> list[float]:
    """Draw normal numbers too: those keep a second one back, which is part of the state."""
    return [
        random.gauss(0, 1),
        random.random(),
        float(np.random.standard_normal()),  # noqa: NPY002
        float(np.random.random()),  # noqa: NPY002
        float(torch.randn(1)),
        float(torch.rand(1)),
    ]


def test_the_numbers_after_a_restore_are_those_after_the_save(tmp_path: Path) -> None:
    draws()
    random_state.write(str(tmp_path))
    expected = draws()
    draws()

    random_state.restore(random_state.read(str(tmp_path)))
    assert draws() == expected


def test_reading_alone_moves_no_generator(tmp_path: Path) -> None:
    random_state.write(str(tmp_path))
    expected = draws()
    random_state.restore(random_state.read(str(tmp_path)))
    random_state.read(str(tmp_path))
    assert draws() == expected


def test_a_generator_that_is_not_loaded_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy.random", "torch"):
        monkeypatch.delitem(sys.modules, name)
    random_state.write(str(tmp_path))
    assert list(json.loads((tmp_path / random_state.NAME).read_text())) == ["random"]


def test_another_generator_in_numpys_place_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np.random, "get_state", lambda: ("PCG64", None, 0, 0, 0.0))
    random_state.write(str(tmp_path))
    assert json.loads((tmp_path / random_state.NAME).read_text())["numpy.random"] is None
    assert len(random_state.read(str(tmp_path))) == 2


def test_cuda_generators_in_use_are_saved_and_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [torch.tensor([n, 2], dtype=torch.uint8) for n in (1, 9)]
    restored: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", restored.extend)
    random_state.write(str(tmp_path))
    random_state.restore(random_state.read(str(tmp_path)))
    assert [state.tolist() for state in restored] == [[1, 2]], "one device now, two at the save"


def test_a_state_that_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / random_state.NAME).write_text("{}")
    random_state.write(str(tmp_path))
    assert random_state.read(str(tmp_path)) == []


def test_no_file_means_nothing_to_restore(tmp_path: Path) -> None:
    assert random_state.read(str(tmp_path)) == []


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"os": 1}',
        '{"random": [3, [1, 2], null]}',
        '{"random": "x"}',
        '{"numpy.random": [[1], 0, 0, 0.0]}',
        '{"torch": ["00"]}',
        '{"torch": ["xx"]}',
        '{"torch": []}',
        "\\ud800",
    ],
)
def test_what_is_no_state_is_refused_and_moves_no_generator(tmp_path: Path, content: str) -> None:
    random_state.write(str(tmp_path))
    good = random_state.read(str(tmp_path))
    expected = draws()
    random_state.restore(good)
    (tmp_path / random_state.NAME).write_text(content)
    with pytest.raises(CheckpointError, match=r"'random_state.json' is not a random state: "):
        random_state.read(str(tmp_path))
    assert draws() == expected
