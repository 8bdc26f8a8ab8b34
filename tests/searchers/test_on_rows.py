from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.blackboxes.rows import Rows, RowSpace
from pytest_synebench.searchers import catalog
from pytest_synebench.searchers.on_rows import OnRows
from pytest_synebench.searchers.protocol import History, Searcher
from pytest_synebench.space import ConfigSpace, uniform
from pytest_synebench.trial import Config, TrialId

SPACE = ConfigSpace({"x": uniform(0, 1)})
XS = [0.0, 0.1, 0.2, 0.5, 0.9]
ROWS = Rows(SPACE, {"x": XS})


class Fixed:
    """Suggests one config for ever."""

    def __init__(self, x: float) -> None:
        self._config = {"x": x}

    def suggest(self, history: History, number: int) -> Config | None:
        return self._config


def walk(searcher: Searcher, history: History | None = None) -> list[object]:
    history = history or History()
    found: list[object] = []
    while (config := searcher.suggest(history, len(found))) is not None:
        history.configs[TrialId(len(found))] = config
        found.append(config["x"])
    return found


def test_a_suggestion_moves_to_the_nearest_row_that_no_trial_has_had() -> None:
    assert walk(OnRows(Fixed(0.19), ROWS)) == [0.2, 0.1, 0.0, 0.5, 0.9]
    assert walk(OnRows(Fixed(0.5), ROWS))[0] == 0.5


#: What they need beyond a space, this one does not have.
CHOOSY = {"cmaes", "bayesopt_constrained", "bayesopt_cost"}


@pytest.mark.parametrize("name", [name for name in catalog.NAMES if name not in CHOOSY])
@given(seed=st.integers(0, 50))
def test_every_searcher_ends_with_each_row_once(name: str, seed: int) -> None:
    space = RowSpace(SPACE, ROWS)
    inner = catalog.build(name, space, seed=seed)
    found = walk(OnRows(inner, ROWS))
    assert len(found) == len(set(map(str, found)))
    assert set(map(str, found)) <= set(map(str, XS))
    if name == "random":
        assert len(found) == len(XS)


def test_equal_histories_give_equal_rows_whoever_was_asked_before() -> None:
    history = History(configs={TrialId(0): {"x": 0.2}, TrialId(1): {"x": 0.1}})
    fresh, used = OnRows(Fixed(0.19), ROWS), OnRows(Fixed(0.19), ROWS)
    used.suggest(History(configs={TrialId(0): {"x": 0.2}}), 1)
    assert fresh.suggest(history, 2) == used.suggest(history, 2) == {"x": 0.0}


def test_a_config_that_is_no_row_takes_none() -> None:
    history = History(configs={TrialId(0): {"x": 0.77}})
    assert OnRows(Fixed(0.9), ROWS).suggest(history, 1) == {"x": 0.9}
