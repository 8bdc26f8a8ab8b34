from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.catalog import EXTERNAL, NAMES, build, check_name, registered
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, choice, uniform
from pytest_synebench.trial import Config

KNOWN = ", ".join((*NAMES, EXTERNAL))
SPACE = ConfigSpace({"lr": uniform(0, 1), "model": choice(["a", "b"])})


class Cheap:
    """A cost model that knows no differences."""

    def cost(self, config: Config, resource: int) -> float:
        return float(resource)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_builds_a_searcher_that_begins_with_the_points(name: str) -> None:
    space = ConfigSpace({**SPACE, "wd": uniform(0, 1)})
    made = partial(build, name, space, seed=0, constraint_attr="c", cost_model=Cheap())
    searcher = made(points_to_evaluate=[{"lr": 0.25}])
    assert searcher.suggest(History(), 0) == {"lr": 0.25, "model": "a", "wd": 0.5}
    assert searcher.suggest(History(), 1) is not None
    assert made().suggest(History(), 0) == space.midpoint()


def test_an_alias_builds_what_it_stands_for() -> None:
    bayesopt, gp = build("bayesopt", SPACE, seed=0), build("gp", SPACE, seed=0)
    assert type(bayesopt) is type(gp)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("bayesopt_constrained", "constraint_attr"), ("bayesopt_cost", "cost_model")],
)
def test_what_the_benchmark_does_not_have_is_named(name: str, missing: str) -> None:
    text = f"searcher {name} needs {missing}, .*, and the benchmark has none; add {missing}=..."
    with pytest.raises(UsageError, match=text):
        build(name, SPACE, seed=0)


def test_options_reach_their_searcher() -> None:
    space = ConfigSpace({"a": choice([1, 2])})
    free = build("random", space, seed=0, points_to_evaluate=[], allow_duplicates=True)
    assert free.suggest(History(), 99) is not None
    grid = build("grid", SPACE, seed=0, points_to_evaluate=[], num_samples=2, shuffle=False)
    assert grid.suggest(History(), 0) == {"lr": 0.0, "model": "a"}
    assert grid.suggest(History(), 4) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("randm", rf"no searcher is called 'randm'; known: {KNOWN}. Did you mean 'random'\?$"),
        ("xyz", f"no searcher is called 'xyz'; known: {KNOWN}$"),
        ("rea", "there is no searcher 'rea' here; what replaces it is 'evolution'$"),
        ("raytune_random", "no searcher 'raytune_random' here; what replaces it is 'random'$"),
        ("raytune_bayesopt", "what replaces it is 'gp'$"),
        ("raytune_skopt", "what replaces it is 'gp'$"),
        ("BOHB", "no searcher 'BOHB' here; what replaces it is 'tpe'$"),
        ("regularized-evolution", "what replaces it is 'evolution'$"),
        ("raytune_xyz", f"no searcher is called 'raytune_xyz'; known: {KNOWN}"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        build(name, SPACE, seed=0)


def test_a_process_is_no_pure_searcher() -> None:
    check_name(EXTERNAL)
    with pytest.raises(UsageError, match="'external' is a process, which only an experiment"):
        build(EXTERNAL, SPACE, seed=0)


def test_points_outside_of_the_space_are_refused() -> None:
    with pytest.raises(UsageError, match=r"points_to_evaluate\[0\]: lr: 2 is not in uniform"):
        build("random", SPACE, seed=0, points_to_evaluate=[{"lr": 2}])


def install(folder: Path, *entries: str) -> None:
    """Put a distribution with these entry points, and a module ``theirs``, on a path."""
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    lines = ["[synebench.searchers]", *entries]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (folder / "synebench_theirs.py").write_text(
        "class Fixed:\n"
        "    def __init__(self, problem):\n"
        "        self.problem = problem\n"
        "    def suggest(self, history, number):\n"
        "        return {'lr': self.problem.arguments['lr'], 'model': 'b'}\n"
    )


def test_a_package_registers_a_searcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "fixed = synebench_theirs:Fixed", "random = synebench_theirs:Fixed")
    monkeypatch.syspath_prepend(tmp_path)
    assert registered() == ("fixed",)  # the name of one of ours cannot be taken
    check_name("fixed")
    searcher = build("fixed", SPACE, seed=0, points_to_evaluate=[], lr=0.125)
    assert searcher.suggest(History(), 0) == {"lr": 0.125, "model": "b"}
    assert isinstance(build("random", SPACE, seed=0), RandomSearch)
    with pytest.raises(UsageError, match=r"known: random, .*, fixed\. Did you mean 'fixed'\?"):
        check_name("fixd")


def test_a_registration_that_leads_nowhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "gone = synebench_theirs:Gone")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="'gone' is registered as 'synebench_theirs:Gone', which"):
        build("gone", SPACE, seed=0)


def test_the_catalogue_costs_neither_scipy_nor_optuna() -> None:
    code = (
        "import sys; import pytest_synebench.searchers.catalog as c\n"
        "from pytest_synebench.space import ConfigSpace, uniform\n"
        "c.build('random', ConfigSpace({'x': uniform(0, 1)}), seed=0)\n"
        "print(*sorted({'scipy', 'optuna', 'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
