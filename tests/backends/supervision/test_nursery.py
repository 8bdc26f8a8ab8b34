from __future__ import annotations

import os
import signal

import pytest

from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.leftovers import look
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.errors import BackendError


def kill(keeper: Keeper) -> None:
    os.kill(keeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, keeper.pid, os.WEXITED | os.WNOWAIT)


def test_equal_modules_have_one_supervisor_made_on_first_use() -> None:
    with Nursery() as nursery:
        bare = nursery.keeper_for(())
        assert nursery.keeper_for(()) is bare
        warm = nursery.keeper_for(("json",))
        assert warm is not bare
        assert nursery.keeper_for(("json",)) is warm
    assert look(bare.pid) is None
    assert look(warm.pid) is None


def test_a_dead_one_is_replaced_when_it_is_next_asked_for() -> None:
    with Nursery() as nursery:
        first = nursery.keeper_for(())
        kill(first)
        second = nursery.keeper_for(())
        assert first.dead
        assert not second.dead
    assert look(second.pid) is None


def test_one_that_its_imports_ended_is_remembered_and_not_tried_again() -> None:
    with Nursery() as nursery:
        first = nursery.keeper_for(("json",))
        kill(first)
        assert nursery.keeper_for(("json",)) is first
        assert first.why_cold.startswith("its imports end the process: ")
        assert "signal 9 (SIGKILL)" in first.why_cold


def test_one_that_cannot_be_ended_keeps_no_other_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    close = Keeper.close

    def refuse(keeper: Keeper, patience_s: float = 10.0) -> None:
        close(keeper, patience_s)
        if not keeper.modules:
            raise BackendError("does not end")

    nursery = Nursery()
    keepers = [nursery.keeper_for(modules) for modules in (("json",), (), ("re",))]
    monkeypatch.setattr(Keeper, "close", refuse)
    with pytest.raises(BackendError, match="does not end"):
        nursery.close()
    assert [look(keeper.pid) for keeper in keepers] == [None] * 3


def test_once_closed_it_stays_closed() -> None:
    nursery = Nursery()
    nursery.close()
    nursery.close()
    with pytest.raises(BackendError, match="nursery is closed"):
        nursery.keeper_for(())
