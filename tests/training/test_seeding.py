"""Seeds of an attempt's generators."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch  # noqa: TID253 - what is tested here is what torch draws

from pytest_synebench.training.seeding import seed_everything

if TYPE_CHECKING:
    from tests.training.conftest import Runner


@pytest.fixture(autouse=True)
def _untouched_generators() -> Iterator[None]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global one is what is seeded
    before = random.getstate(), torch.get_rng_state(), sys.meta_path[:]
    yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    random.setstate(before[0])
    torch.set_rng_state(before[1])
    sys.meta_path[:] = before[2]


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(1))  # noqa: NPY002


def test_libraries_that_are_loaded_are_seeded_at_once_and_equal_seeds_are_equal() -> None:
    seed_everything(2**32 - 1)
    first = draws()
    seed_everything(2**32 - 1)
    assert draws() == first
    seed_everything(0)
    assert not set(draws()) & set(first)
    assert not any("_SeedOnImport" in repr(finder) for finder in sys.meta_path)


LATE = """
    import random, sys
    numbers = [random.random()]
    assert "numpy" not in sys.modules and "torch" not in sys.modules
    import numpy as np
    numbers.append(float(np.random.random()))
    assert any(type(f).__name__ == "_SeedOnImport" for f in sys.meta_path)
    import torch
    numbers.append(float(torch.rand(1)))
    print(numbers)
    assert not any(type(f).__name__ == "_SeedOnImport" for f in sys.meta_path), sys.meta_path
    import importlib.resources, inspect
    for module in (np.random, torch):
        assert type(module.__loader__).__name__ == "SourceFileLoader", module.__loader__
        assert module.__loader__ is module.__spec__.loader
        assert vars(module.__loader__).keys() == {"name", "path"}, vars(module.__loader__)
        assert inspect.getsource(module)
        assert importlib.resources.files(module).is_dir()
"""


def test_libraries_are_seeded_right_after_their_import_and_left_as_they_are(
    attempt: Runner,
) -> None:
    done = attempt(LATE, seed=7)
    assert done.code == 0, done.stderr
    seed_everything(7)
    assert done.stdout == f"{list(draws())}\n"


def test_a_library_that_is_not_installed_fails_as_it_always_does(attempt: Runner) -> None:
    done = attempt("""
        import sys
        sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ == "_SeedOnImport"]
        try:
            import torch
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert done.stdout == "No module named 'torch'\n", done.stderr


def test_an_import_that_failed_may_be_tried_again(attempt: Runner) -> None:
    package = attempt.directory / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("import flag\ndef manual_seed(n): print('seeded', n)\n")
    done = attempt("""
        import pathlib
        try:
            import torch
        except ModuleNotFoundError as error:
            print(error)
        (pathlib.Path(__file__).parent / "flag.py").write_text("")
        import importlib; importlib.invalidate_caches()
        import torch
    """)
    assert done.stdout == "No module named 'flag'\nseeded 123\n", done.stderr


AGAIN = """
    import sys
    from pytest_synebench.training.seeding import seed_everything, stop_waiting
    seed_everything(1)
    seed_everything(2)
    import numpy
    late = numpy.random.rand()
    numpy.random.seed(2)
    print(late == numpy.random.rand())
    stop_waiting()
    print(any(type(f).__name__ == "_SeedOnImport" for f in sys.meta_path))
"""


def test_the_last_seed_holds_for_a_library_that_is_imported_later(attempt: Runner) -> None:
    done = attempt(AGAIN)
    assert done.stdout == "True\nFalse\n", done.stderr
