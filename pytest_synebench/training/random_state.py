"""The state of the global random generators, as one JSON file of a checkpoint.

Of Python, numpy and torch (CPU, and CUDA where it is in use) those are saved that the process has
imported. numpy's is saved where it is the Mersenne Twister it is unless a script replaces it.

Invariants (tests/training/test_random_state.py holds each one):
- after ``restore(read(directory))`` each generator gives the numbers it gave after ``write``;
- a file that is not such a state is refused before any generator is touched;
- a library that was saved is imported to be restored, so that no later import seeds it afresh.
"""

from __future__ import annotations

import os
import sys

from pytest_synebench.errors import CheckpointError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NAME = "random_state.json"


def write(directory: str) -> None:
    """Write the state of every generator that is in use; an existing file is left as it is."""
    import json

    path = os.path.join(directory, NAME)
    if os.path.exists(path):
        return
    state = {name: take() for name, (take, _) in _GENERATORS.items() if name in sys.modules}
    text = json.dumps(state)  # ``dump`` encodes the thousands of numbers in Python
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(directory: str) -> list[Callable[[], object]]:
    """Return what has to be called to restore the state; calls nothing yet.

    Raises:
        CheckpointError: the file is not such a state.
    """
    import json

    path = os.path.join(directory, NAME)
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
        steps = []
        for name, told in state.items():
            _, prepare = _GENERATORS[name]
            __import__(name)
            if told is not None:
                steps.append(prepare(told))
    except FileNotFoundError:
        return []
    except Exception as error:  # each library has its own for what is no state of its generator
        raise CheckpointError(
            f"{NAME!r} is not a random state: {type(error).__name__}: {error}"
        ) from None
    return steps


def restore(steps: list[Callable[[], object]]) -> None:
    """Put every generator where it was."""
    for step in steps:
        step()


def _take_python() -> object:
    import random

    version, words, gauss = random.getstate()
    return [version, list(words), gauss]


def _restore_python(told: Any) -> Callable[[], object]:
    import random

    version, words, gauss = told
    state = (version, tuple(words), gauss)
    random.Random().setstate(state)  # raises for what is no state
    return lambda: random.setstate(state)


def _take_numpy() -> object:
    import numpy as np

    told: Any = np.random.get_state()  # noqa: NPY002 - the global generator is what we save
    name, words, position, has_gauss, gauss = told
    return None if name != "MT19937" else [words.tolist(), position, has_gauss, gauss]


def _restore_numpy(told: Any) -> Callable[[], object]:
    import numpy as np

    words, position, has_gauss, gauss = told
    state = ("MT19937", np.array(words, dtype=np.uint32), position, has_gauss, gauss)
    np.random.RandomState().set_state(state)  # raises for what is no state
    return lambda: np.random.set_state(state)  # noqa: NPY002 - and what we restore


def _take_torch() -> object:
    import torch

    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's own
    cuda = torch.cuda.get_rng_state_all() if in_use else []
    return [bytes(state.tolist()).hex() for state in (torch.get_rng_state(), *cuda)]


def _restore_torch(told: Any) -> Callable[[], object]:
    import torch

    cpu, *cuda = [torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8) for text in told]
    torch.Generator().set_state(cpu)  # raises for what is no state

    def step() -> None:
        torch.set_rng_state(cpu)
        if cuda and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(cuda[: torch.cuda.device_count()])

    return step


_GENERATORS: dict[str, tuple[Callable[[], object], Callable[[Any], Callable[[], object]]]] = {
    "random": (_take_python, _restore_python),
    "numpy.random": (_take_numpy, _restore_numpy),
    "torch": (_take_torch, _restore_torch),
}
