"""Several things done at once, and durable together."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, get_ident

import pytest

from pytest_synebench.checkpoints import together
from pytest_synebench.checkpoints.together import Together, sync_together, sync_tree


def test_all_is_done_once_when_wait_returns() -> None:
    done: list[int] = []
    Together(done.append, range(100), 3).wait()
    assert sorted(done) == list(range(100))


def test_what_is_begun_goes_on_while_its_maker_does_something_else() -> None:
    begun, may_end, done = Event(), Event(), list[str]()

    def work(thing: str) -> None:
        begun.set()
        assert may_end.wait(20.0)
        done.append(thing)

    working = Together(work, ["one"], 1)
    assert begun.wait(20.0)
    assert done == []
    may_end.set()
    working.wait()
    assert done == ["one"]


def test_there_are_no_more_threads_than_were_asked_for_and_one_that_waits() -> None:
    who: set[int] = set()
    all_there = Event()

    def work(thing: int) -> None:
        who.add(get_ident())
        if len(who) == 3:
            all_there.set()
        assert all_there.wait(20.0)

    Together(work, range(50), 2).wait()
    assert len(who) == 3
    assert get_ident() in who


def test_what_one_raised_is_raised_and_nothing_more_is_begun() -> None:
    done: list[int] = []

    def work(thing: int) -> None:
        if thing == 2:
            raise OSError(5, "Input/output error")
        done.append(thing)

    with pytest.raises(OSError, match="Input/output error"):
        Together(work, range(10), 0).wait()
    assert done == [0, 1]


def test_what_a_thread_raised_is_raised_by_who_waits() -> None:
    maker, raised = get_ident(), Event()

    def work(thing: int) -> None:
        if get_ident() == maker:
            assert raised.wait(20.0)
            return
        raised.set()
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        Together(work, range(2), 1).wait()


def test_where_the_system_gives_no_thread_who_waits_does_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refusing(work: object, arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(together, "start_new_thread", refusing)
    done: list[int] = []
    Together(done.append, range(5), 3).wait()
    assert done == list(range(5))


def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    out: list[str] = []
    fsync = os.fsync

    def logged(fd: int) -> None:
        out.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", logged)
    return out


def test_a_tree_is_synced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a").touch()
    (tmp_path / "deep" / "er" / "b").touch()
    log = synced(monkeypatch)
    sync_tree(str(tmp_path))
    everything = {str(tmp_path), *(str(path) for path in tmp_path.rglob("*"))}
    assert {path.rstrip("/") for path in log} == everything
    assert len(log) == len(everything)


def test_what_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_together([str(tmp_path), str(tmp_path / "missing")]).wait()
