"""Keeps and removals of one blob meet."""

from __future__ import annotations

from threading import Event, Thread

from pytest_synebench.checkpoints.s3.in_use import InUse


def removed(in_use: InUse, digest: str) -> bool:
    with in_use.removing(digest) as free:
        return free


def test_what_is_held_is_not_removed() -> None:
    in_use = InUse()
    with in_use.holding({"a", "b"}):
        in_use.begin()
        assert not removed(in_use, "a")
        assert removed(in_use, "c")


def test_what_was_let_go_since_the_search_began_is_not_removed_by_it() -> None:
    in_use = InUse()
    in_use.begin()
    with in_use.holding({"a"}):
        pass
    assert not removed(in_use, "a"), "its manifest may have come after the manifests were read"
    in_use.begin()
    assert removed(in_use, "a")


def test_of_two_that_hold_it_the_last_counts() -> None:
    in_use = InUse()
    with in_use.holding({"a"}):
        with in_use.holding({"a"}):
            pass
        in_use.begin()
        assert not removed(in_use, "a")


def test_a_keep_waits_for_a_removal_of_what_it_needs_and_of_nothing_else() -> None:
    in_use, entered = InUse(), Event()
    in_use.begin()

    def keep() -> None:
        with in_use.holding({"a"}):
            entered.set()

    with in_use.removing("a") as free:
        assert free
        with in_use.holding({"b"}):
            pass
        waiting = Thread(target=keep)
        waiting.start()
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()
