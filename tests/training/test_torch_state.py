"""Saving and loading what a PyTorch script trains."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # noqa: TID253 - the subject
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.errors import CheckpointError
from pytest_synebench.training import pytorch_load_save_functions
from pytest_synebench.training.torch_state import _storable


class Setup:
    """A model with dropout, batch statistics, an optimiser with momentum and a scheduler."""

    def __init__(self, seed: int = 1, width: int = 5) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(3, width),
            torch.nn.BatchNorm1d(width),
            torch.nn.Dropout(0.5),
            torch.nn.Linear(width, 1),
        )
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.scheduler = torch.optim.lr_scheduler.MultiStepLR(self.optimiser, [2, 4])
        self.values: dict[str, Any] = {"lr": 1.0, "best_val_loss": None}

    def functions(self) -> tuple[Any, Any]:
        return pytorch_load_save_functions(
            {"model": self.model, "optimiser": self.optimiser, "scheduler": self.scheduler},
            self.values,
        )

    def train(self) -> float:
        x = torch.randn(8, 3)
        loss = (self.model(x) - x.sum(1, keepdim=True)).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.scheduler.step()
        # What numpy made of it: the value that the original could not load again.
        self.values["best_val_loss"] = np.float64(loss.item())
        return float(loss.item())

    def everything(self) -> str:
        return repr(
            [
                [(k, v.tolist()) for k, v in self.model.state_dict().items()],
                self.optimiser.state_dict(),
                self.scheduler.state_dict(),
                self.values,
                torch.get_rng_state().tolist(),
            ]
        )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    setup = Setup()
    for _ in range(3):
        setup.train()
    setup.functions()[1](str(tmp_path), 3)
    return tmp_path


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = Setup()
    losses = [whole.train() for _ in range(8)]

    first = Setup()
    before = [first.train() for _ in range(3)]
    first.functions()[1](str(tmp_path), 3)
    second = Setup(seed=99)
    assert second.functions()[0](str(tmp_path)) == 3
    after = [second.train() for _ in range(5)]

    assert before + after == losses
    assert second.everything() == whole.everything()


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
)


@settings(max_examples=50, deadline=None)
@given(values=st.dictionaries(st.text(max_size=5), SCALARS, max_size=5))
def test_values_come_back_equal_and_of_the_same_type(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    directory = str(tmp_path_factory.mktemp("values"))
    pytorch_load_save_functions({}, dict(values))[1](directory, 1)
    restored: dict[str, Any] = dict.fromkeys(values, "another")
    assert pytorch_load_save_functions({}, restored)[0](directory) == 1
    assert restored == values
    assert [type(restored[k]) for k in values] == [type(v) for v in values.values()]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.25), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (torch.tensor(2.0), 2.0),
        (math.inf, math.inf),
    ],
)
def test_scalars_of_numpy_and_torch_come_back_as_pythons(
    tmp_path: Path, value: object, plain: object
) -> None:
    values = {"best_val_loss": value}
    load, save = pytorch_load_save_functions({}, values)
    save(str(tmp_path), 7)
    assert load(str(tmp_path)) == 7
    assert values["best_val_loss"] == plain
    assert type(values["best_val_loss"]) is type(plain)


def test_nan_survives_in_strict_json(tmp_path: Path) -> None:
    values = {"loss": math.nan}
    load, save = pytorch_load_save_functions({}, values)
    save(str(tmp_path), 1)
    assert "NaN" not in (tmp_path / "checkpoint.json").read_text()
    values["loss"] = 0.0
    load(str(tmp_path))
    assert math.isnan(values["loss"])


def test_lists_and_dicts_come_back_in_the_objects_that_are_there(tmp_path: Path) -> None:
    history: list[Any] = [0.5, np.float64(0.25)]
    counts: dict[str, Any] = {"bad": np.int64(2), "names": ["a", None]}
    values: dict[str, Any] = {"history": history, "counts": counts, "best": (3, math.inf)}
    load, save = pytorch_load_save_functions({}, values)
    save(str(tmp_path), 7)
    history.append(0.1)
    counts["bad"] = 9
    values["best"] = None
    assert load(str(tmp_path)) == 7
    assert history == [0.5, 0.25]
    assert counts == {"bad": 2, "names": ["a", None]}
    assert values == {"history": history, "counts": counts, "best": (3, math.inf)}
    assert values["history"] is history, "whoever holds it sees the change"
    assert values["counts"] is counts


@pytest.mark.parametrize("value", [{1}, b"x", np.zeros(2), object(), 1j])
def test_a_value_of_another_kind_is_refused_when_it_is_saved(tmp_path: Path, value: object) -> None:
    _, save = pytorch_load_save_functions({}, {"history": value})
    with pytest.raises(CheckpointError, match=r"mutable_state\['history'\] is .* of type ") as why:
        save(str(tmp_path), 1)
    assert type(value).__name__ in str(why.value)
    assert list(tmp_path.iterdir()) == []


class Odd:
    """Has the two methods, and a state of one's choice."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


@pytest.mark.parametrize(
    ("state", "where"),
    [
        ({"f": print}, r"odd.state_dict\(\)\['f'\] is <built-in"),
        ({"a": [0, {"b": np.zeros(2)}]}, r"odd.state_dict\(\)\['a'\]\[1\]\['b'\] is array"),
        ({"a": {(1, 2): 0}}, r"odd.state_dict\(\)\['a'\] has the key \(1, 2\) of type tuple"),
        ({"a": Path("x")}, r"odd.state_dict\(\)\['a'\] is PosixPath"),
    ],
)
def test_a_state_that_torch_would_not_load_again_is_refused_when_it_is_saved(
    tmp_path: Path, state: object, where: str
) -> None:
    _, save = pytorch_load_save_functions({"odd": Odd(state)})
    with pytest.raises(CheckpointError, match=where + r".*weights_only=True"):
        save(str(tmp_path), 1)


def test_numpy_scalars_inside_a_state_are_saved_as_pythons(tmp_path: Path) -> None:
    states = {"best": np.float64(0.5), "more": [np.int64(1), (np.bool_(True),)], 3: {1, 2}}
    odd = Odd(states)
    load, save = pytorch_load_save_functions({"odd": odd})
    save(str(tmp_path), 1)
    load(str(tmp_path))
    assert odd.state == {"best": 0.5, "more": [1, (True,)], 3: {1, 2}}
    assert type(odd.state["best"]) is float
    assert type(states["best"]) is np.float64, "the script's own state was changed"


def test_what_a_modules_state_carries_beside_its_items_is_kept() -> None:
    state = torch.nn.BatchNorm1d(2).state_dict()
    kept = _storable(state, "model")
    assert type(kept) is OrderedDict
    assert kept._metadata == state._metadata  # type: ignore[attr-defined]


def test_the_files_are_json_and_tensors_that_load_with_weights_only(saved: Path) -> None:
    assert sorted(p.name for p in saved.iterdir()) == [
        "checkpoint.json",
        "checkpoint.pt",
        "random_state.json",
    ]
    told = json.loads((saved / "checkpoint.json").read_text())
    assert told.keys() == {"schema", "epoch", "mutable"}
    assert told["epoch"] == 3
    assert torch.load(saved / "checkpoint.pt", weights_only=True).keys() == {
        "model",
        "optimiser",
        "scheduler",
    }


def test_the_name_of_the_files_is_the_scripts_choice(tmp_path: Path) -> None:
    pytorch_load_save_functions({}, {}, fname="state.json")[1](str(tmp_path), 1)
    assert {p.name for p in tmp_path.iterdir()} >= {"state.json", "state.pt"}


def refused(directory: Path, setup: Setup, reason: str) -> None:
    """Load, and see it refused with nothing changed."""
    before = setup.everything()
    with pytest.raises(CheckpointError, match=reason):
        setup.functions()[0](str(directory))
    assert setup.everything() == before


def test_another_shape_is_refused_and_changes_nothing(saved: Path) -> None:
    refused(saved, Setup(width=6), r"model: '0.weight' is \(6, 3\) torch.float32, and was saved ")


def test_another_dtype_is_refused_and_changes_nothing(saved: Path) -> None:
    setup = Setup()
    setup.model.double()
    refused(saved, setup, r"torch.float64, and was saved as \(5, 3\) torch.float32")


def test_another_architecture_is_refused_and_changes_nothing(saved: Path) -> None:
    setup = Setup()
    setup.model.append(torch.nn.Linear(1, 1))
    refused(saved, setup, r"model.state_dict\(\) has .*'4.bias'.*, and the checkpoint was saved")


def test_other_values_are_refused_and_change_nothing(saved: Path) -> None:
    setup = Setup()
    setup.values["momentum"] = 0.9
    refused(saved, setup, r"mutable_state has .*'momentum'.* was saved with \['best_val_loss'")


def test_other_objects_are_refused(saved: Path) -> None:
    load, _ = pytorch_load_save_functions({"net": torch.nn.Linear(1, 1)}, Setup().values)
    with pytest.raises(CheckpointError, match=r"state_dict_objects has \['net'\], and the check"):
        load(str(saved))


def test_an_object_that_refuses_late_leaves_all_as_they_were(saved: Path) -> None:
    setup = Setup()
    setup.optimiser.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    refused(saved, setup, "optimiser does not take the state that was saved: ValueError")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("checkpoint.json", b""),
        ("checkpoint.json", b"[]"),
        ("checkpoint.json", b'{"schema": 1, "epoch": 3, "mutable": []}'),
        ("checkpoint.json", b'{"schema": 2, "epoch": 3, "mutable": {}}'),
        ("checkpoint.pt", b""),
        ("checkpoint.pt", b"PK\x03\x04 not a zip"),
        ("random_state.json", b"{"),
    ],
)
def test_a_broken_file_is_refused_and_changes_nothing(
    saved: Path, name: str, content: bytes
) -> None:
    (saved / name).write_bytes(content)
    refused(saved, Setup(), "is not a random state" if "random" in name else "cannot be read")


def test_code_in_a_tensor_file_is_never_run(saved: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.write_text, (saved / "ran", "boom"))

    torch.save({"model": Bomb()}, saved / "checkpoint.pt")
    refused(saved, Setup(), "cannot be read: UnpicklingError")
    assert not (saved / "ran").exists()


def test_a_tensor_file_of_another_form_is_refused(saved: Path) -> None:
    torch.save([1], saved / "checkpoint.pt")
    refused(saved, Setup(), "cannot be read: AttributeError")
    torch.save({"model": [1], "optimiser": {}, "scheduler": {}}, saved / "checkpoint.pt")
    refused(saved, Setup(), r"model.state_dict\(\) has ")
