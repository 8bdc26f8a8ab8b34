"""Save and load functions for what a PyTorch script trains.

Tensors go to one file that ``torch.load(weights_only=True)`` reads; the epoch and the script's own
values go to a JSON file. Loading reads and compares everything first and changes objects after; if
an object still refuses its state, all of them get back what they had.

Invariants (tests/training/test_torch_state.py holds each one):
- a refused load leaves every object and value as it was;
- what could not be loaded again is refused when it is saved, by key and type;
- numpy's scalars are saved as Python's, in objects' states too;
- a resumed run equals an uninterrupted one bit for bit (CPU), dropout included.

Source: ``pytorch_load_save_functions`` of the system this one succeeds, whose single pickle could
not be read back by torch >= 2.6 once it held a numpy scalar.
"""

from __future__ import annotations

import os

from pytest_synebench.errors import CheckpointError
from pytest_synebench.training import random_state
from pytest_synebench.training.reporter import plain_scalar, shortened
from pytest_synebench.training.values import put_back, restored, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Protocol, TypeAlias

    class Stateful(Protocol):
        """A model, optimiser, learning-rate scheduler, or anything else with these two."""

        def state_dict(self) -> Any:
            """Return the state."""
            ...

        def load_state_dict(self, state_dict: Any, /) -> Any:
            """Take the state."""
            ...

    State: TypeAlias = Mapping[str, Any]

SCHEMA = 1


def pytorch_load_save_functions(
    state_dict_objects: Mapping[str, Stateful],
    mutable_state: dict[str, Any] | None = None,
    fname: str = "checkpoint.json",
) -> tuple[Callable[[str], int], Callable[[str, int], None]]:
    """Return ``load_model_fn`` and ``save_model_fn`` for the checkpoint helpers.

    Args:
        state_dict_objects: what has ``state_dict`` and ``load_state_dict``, by name: model,
            optimiser, learning-rate scheduler.
        mutable_state: the script's own values by name: int, float, bool, str, None, scalars of
            numpy, or lists, tuples and dicts of them; changed in place by a load.
        fname: name of the JSON file; the tensors' is the same with ``.pt`` at its end.

    The functions raise ``CheckpointError`` for what cannot be saved or must not be loaded.
    """
    state = _TorchState(state_dict_objects, {} if mutable_state is None else mutable_state, fname)
    return state.load, state.save


class _TorchState:
    def __init__(
        self, objects: Mapping[str, Stateful], mutable: dict[str, Any], fname: str
    ) -> None:
        self._objects = objects
        self._mutable = mutable
        self._json_name = fname
        self._tensor_name = os.path.splitext(fname)[0] + ".pt"

    def save(self, local_path: str, epoch: int) -> None:
        """Write the state into a directory, with the epoch it belongs to.

        Raises:
            CheckpointError: a value is of a kind that could not be loaded again.
        """
        import json

        import torch

        values = storable(dict(self._mutable), "mutable_state")["dict"]
        states = {
            name: _storable(item.state_dict(), f"{name}.state_dict()")
            for name, item in self._objects.items()
        }
        told = {"schema": SCHEMA, "epoch": int(epoch), "mutable": values}
        os.makedirs(local_path, exist_ok=True)
        with open(os.path.join(local_path, self._tensor_name), "wb") as tensors:
            torch.save(states, tensors)
        with open(os.path.join(local_path, self._json_name), "w", encoding="utf-8") as file:
            json.dump(told, file, allow_nan=False)
        random_state.write(local_path)

    def load(self, local_path: str) -> int:
        """Load the state from a directory; returns the epoch it was saved with.

        Raises:
            CheckpointError: it does not fit these objects; nothing was changed.
        """
        told, states = self._read(local_path)
        steps = random_state.read(local_path)
        _same_names("mutable_state", self._mutable, told["mutable"])
        _same_names("state_dict_objects", self._objects, states)
        values = {key: restored(value) for key, value in told["mutable"].items()}
        for name, item in self._objects.items():
            _check_fits(name, item, states[name])
        _load_all(self._objects, states)
        for key, value in values.items():
            put_back(self._mutable, key, value)
        random_state.restore(steps)
        return int(told["epoch"])

    def _read(self, local_path: str) -> tuple[dict[str, Any], State]:
        import json

        import torch

        try:
            with open(os.path.join(local_path, self._json_name), encoding="utf-8") as file:
                told = json.load(file)
            if told["schema"] != SCHEMA:
                raise ValueError(f"its schema is {told['schema']!r}, this version reads {SCHEMA}")
            told["epoch"], told["mutable"].items()  # raises where one is not there
            states = torch.load(
                os.path.join(local_path, self._tensor_name), map_location="cpu", weights_only=True
            )
            states.items()
        except Exception as error:
            # torch.load raises whatever its reader met: EOFError, UnpicklingError, RuntimeError.
            raise CheckpointError(
                f"{local_path} cannot be read: {type(error).__name__}: {error}"
            ) from error
        return told, states


def _storable(value: Any, where: str) -> Any:
    """Return a state that ``weights_only=True`` reads again: numpy's scalars made Python's."""
    import collections
    import copy

    import torch

    if type(value) in {torch.Tensor, torch.nn.Parameter, torch.Size, torch.device, torch.dtype}:
        return value
    if type(value) in {dict, collections.OrderedDict, collections.Counter}:
        copied = copy.copy(value)  # with what a module's state carries beside its items
        for key, item in value.items():
            if type(key) not in {str, int}:
                raise CheckpointError(
                    f"{where} has the key {key!r} of type {type(key).__name__}; torch loads "
                    "states with text and integers as keys (weights_only=True)"
                )
            copied[key] = _storable(item, f"{where}[{key!r}]")
        return copied
    if type(value) in {list, tuple, set}:
        return type(value)(_storable(item, f"{where}[{i}]") for i, item in enumerate(value))
    scalar = plain_scalar(value)
    if scalar is NotImplemented:
        raise CheckpointError(
            f"{where} is {shortened(value)} of type {type(value).__name__}, which torch would not "
            "load again (weights_only=True); have state_dict() return tensors, numbers and text"
        )
    return scalar


def _same_names(what: str, now: Iterable[str], saved: Iterable[str]) -> None:
    if set(now) != set(saved):
        raise CheckpointError(
            f"{what} has {sorted(now)}, and the checkpoint was saved with {sorted(saved)}"
        )


def _check_fits(name: str, item: Stateful, saved: State) -> None:
    """Compare shapes and dtypes of a module's tensors with those saved, key by key."""
    import torch

    if not isinstance(item, torch.nn.Module):
        return  # an optimiser's state is empty before its first step; _load_all covers it
    now = item.state_dict()
    _same_names(f"{name}.state_dict()", now, saved)
    for key, tensor in now.items():
        if isinstance(tensor, torch.Tensor):
            mine, its = _form(tensor), _form(saved[key])
            if mine != its:
                raise CheckpointError(f"{name}: {key!r} is {mine}, and was saved as {its}")


def _form(tensor: Any) -> str:
    return f"{tuple(tensor.shape)} {tensor.dtype}" if hasattr(tensor, "shape") else repr(tensor)


def _load_all(objects: Mapping[str, Stateful], states: State) -> None:
    import copy

    before = {name: copy.deepcopy(item.state_dict()) for name, item in objects.items()}
    try:
        for name, item in objects.items():
            item.load_state_dict(states[name])
    except Exception as error:
        for other, item in objects.items():
            item.load_state_dict(before[other])
        raise CheckpointError(
            f"{name} does not take the state that was saved: {type(error).__name__}: {error}"
        ) from error
