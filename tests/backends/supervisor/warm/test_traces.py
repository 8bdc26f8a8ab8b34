"""What imports do beside loading modules: copies have it too, or are not made."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from warm_runs import Both, DeclinedError, Supervised, variables

from pytest_synebench.backends.supervision.environment import of_supervisor
from pytest_synebench.backends.supervisor.warm import traces


def first_word(folder: Path, *modules: str, **files: str) -> Mapping[str, object]:
    """Return what a supervisor says that imported modules, some of them with this content."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    supervised = Supervised(*modules, environment=variables(PYTHONPATH=str(folder)))
    supervised.close()
    return supervised.first


DRAWS = {
    "random": "import random; random.random()",
    "seeded": "import random; random.seed(0)",
    "numpy": "import numpy; numpy.random.rand()",
    "replaced": "import numpy; numpy.random.set_state(numpy.random.RandomState(3).get_state())",
    "torch": "import torch; torch.rand(1)",
    "model": "import torch; layer = torch.nn.Linear(2, 1)",
}


@pytest.mark.parametrize("name", DRAWS)
def test_an_import_that_draws_numbers_is_named(tmp_path: Path, name: str) -> None:
    said = first_word(tmp_path, "json", "drawing", "later", drawing=DRAWS[name], later="")
    assert said == {"is": "cold", "why": "importing drawing draws random numbers"}


def test_libraries_that_draw_nothing_and_would_start_threads_are_no_reason() -> None:
    modules = ("numpy", "pandas", "scipy.optimize", "scipy.stats", "torch", "torch.nn?")
    supervised = Supervised(*modules, environment=of_supervisor(variables(), "n1"))
    supervised.close()
    assert supervised.first == {"is": "warm"}


def test_an_import_that_changes_the_folder_is_named(tmp_path: Path) -> None:
    said = first_word(tmp_path, "goes", goes="import os; os.chdir('/')")
    assert said == {"is": "cold", "why": "importing goes changes the folder"}


def test_an_import_that_changes_the_umask_is_named(tmp_path: Path) -> None:
    said = first_word(tmp_path, "hides", hides="import os; os.umask(0o007)")
    assert said == {"is": "cold", "why": "importing hides changes the umask"}


def test_an_import_that_puts_all_back_is_not(tmp_path: Path) -> None:
    back = """
import os, random
state, folder = random.getstate(), os.getcwd()
random.random(); random.setstate(state)
os.chdir("/"); os.chdir(folder)
os.umask(os.umask(0))
"""
    assert first_word(tmp_path, "back", back=back) == {"is": "warm"}


def test_a_module_that_only_has_the_name_of_a_library_has_drawn_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("numpy.random", "torch"):
        monkeypatch.setitem(sys.modules, name, os)
    assert not traces._numpy_drew()
    assert not traces._torch_drew()


CHANGES = """
import os
os.environ["TRACES_SET"] = "by the import"
os.environ["TRACES_CHANGED"] = os.environ.get("TRACES_CHANGED", "") + " and more"
os.environ.pop("TRACES_REMOVED", None)
os.environ["SYNEBENCH_OF_OURS"] = "1"
os.environ["TZ"] = "Asia/Tokyo"
"""

SHOWS = """
import os, changes
wanted = ("TRACES", "TZ", "PYTORCH_NVML")
print(sorted(item for item in os.environ.items() if item[0].startswith(wanted)))
os.system("env | grep -E '^(TRACES|TZ)' | sort")
"""


@pytest.fixture
def both(tmp_path: Path) -> Both:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "changes.py").write_text(CHANGES)
    (tmp_path / "run").mkdir()
    environment = variables(PYTHONPATH=str(packages), TRACES_CHANGED="1", TRACES_REMOVED="1")
    warm, cold = (Supervised(*m, environment=environment) for m in (("changes",), ()))
    return Both(warm, cold, tmp_path / "run")


def test_variables_that_an_import_changes_are_so_in_every_copy(both: Both) -> None:
    path = str(both.folder.parent / "packages")
    told = {"PYTHONPATH": path, "TRACES_CHANGED": "1", "TRACES_REMOVED": "1"}
    warm, cold = both(SHOWS, **told)
    assert warm == cold
    assert "by the import" in warm.stdout
    assert "1 and more" in warm.stdout
    assert "TRACES_REMOVED" not in warm.stdout
    assert (
        both("import os; print('SYNEBENCH_OF_OURS' in os.environ)", **told)[0].stdout == "False\n"
    )
    both.warm.close()
    both.cold.close()


@pytest.mark.parametrize("changed", ["TRACES_CHANGED", "TRACES_REMOVED", "TRACES_SET"])
def test_where_the_trial_has_another_value_to_begin_with_it_is_cold(
    both: Both, changed: str
) -> None:
    path = str(both.folder.parent / "packages")
    told = {"PYTHONPATH": path, "TRACES_CHANGED": "1", "TRACES_REMOVED": "1", changed: "2"}
    script = both.script(SHOWS)
    with pytest.raises(DeclinedError, match=f"an import changes {changed}, and the trial's is"):
        both.warm.run(script, environment=variables(**told))
    both.warm.close()
    both.cold.close()


LATE = """
import sys
before = [type(finder).__name__ for finder in sys.meta_path]
import numpy, torch
print(numpy.random.rand().hex(), torch.rand(1).item().hex())
print("_SeedOnImport" in before, [type(finder).__name__ for finder in sys.meta_path])
"""


def test_libraries_that_a_copy_imports_itself_have_its_seed(tmp_path: Path) -> None:
    # The warm process waits for numpy and torch, too, and meets neither.
    warm, cold = Supervised("json"), Supervised()
    both = Both(warm, cold, tmp_path)
    outcomes = both(LATE)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].code == 0
    assert warm.run(both.script(LATE)).stdout.splitlines()[1].startswith("False")
    warm.close()
    cold.close()
