from __future__ import annotations

from pathlib import Path

from pytest_synebench.experiment.resuming.evidence import (
    Evidence,
    Look,
    after_checkpoint,
    carried_names,
    noise_of,
)

SCRIPT = """
best, total = 9.0, 0
for epoch in range(start, epochs):
    loss = train(model)
    best = min(best, loss)
    total += 1
    for batch in data:
        used = batch
    checkpoint_model_at_rung_level(config, save, epoch)
    lr = lr / 2
    report(epoch=epoch, loss=loss, best=best)
"""


def look(at: str, level: int, **values: object) -> Look:
    state = {f":{name}": ("int", repr(value), repr(value)) for name, value in values.items()}
    return Look(at, level, state)


def evidence(tmp_path: Path, whole: list[Look], after: list[Look], **more: object) -> Evidence:
    (tmp_path / "train.py").write_text(SCRIPT)
    return Evidence(
        script=tmp_path / "train.py",
        whole=whole,
        noise=frozenset({":clock"}),
        after=after,
        paused_at=1,
        until=2,
    )


def test_what_came_back_and_differs_later_is_a_consequence(tmp_path: Path) -> None:
    whole = [look("checkpoint", 1, w=1, v=7, clock=1), look("checkpoint", 2, w=2, v=8, clock=2)]
    after = [look("resumed", 1, w=1, v=0, clock=5), look("checkpoint", 2, w=3, v=9, clock=6)]
    found = evidence(tmp_path, whole, after).unrestored()
    assert [(one.path, one.was, one.now) for one in found] == [("v", "7", "0")]


def test_what_was_not_there_but_is_equal_later_is_none(tmp_path: Path) -> None:
    whole = [look("checkpoint", 1, copy=7), look("checkpoint", 2, copy=8)]
    after = [look("resumed", 1, copy=0), look("checkpoint", 2, copy=8)]
    assert evidence(tmp_path, whole, after).unrestored() == []


def test_of_what_is_made_anew_only_what_the_loop_carries_counts(tmp_path: Path) -> None:
    whole = [look("checkpoint", n, best=n, loss=n, start=0) for n in (1, 2)]
    after = [look("resumed", 1), look("checkpoint", 2, best=5, loss=5, start=1)]
    found = evidence(tmp_path, whole, after).remade()
    assert [(one.path, one.was, one.now, one.late) for one in found] == [("best", "2", "5", True)]


def test_a_loop_that_goes_on_with_a_level_that_was_done_starts_over(tmp_path: Path) -> None:
    again = [look("resumed", 1), look("checkpoint", 1)]
    assert evidence(tmp_path, [], again).starts_over == 1
    onward = [look("resumed", 1), look("checkpoint", 2)]
    assert evidence(tmp_path, [], onward).starts_over is None


def test_one_object_by_several_names_is_one_suspect(tmp_path: Path) -> None:
    names = (":state['v']", "main():held['v']", ":other")
    whole = [
        Look("checkpoint", n, {name: ("int", str(n), str(n)) for name in names}) for n in (1, 2)
    ]
    after = [
        Look("resumed", 1, dict.fromkeys(names, ("int", "0", "0"))),
        Look("checkpoint", 2, dict.fromkeys(names, ("int", "9", "9"))),
    ]
    found = evidence(tmp_path, whole, after).unrestored()
    assert [one.path for one in found] == ["other", "held['v']"]


def test_noise_is_what_two_trainings_without_a_break_have_different() -> None:
    one = [look("checkpoint", 1, a=1, b=1), look("report", 1, a=1)]
    two = [look("checkpoint", 1, a=1, b=2), look("report", 1, a=1)]
    assert noise_of(one, two) == {":b"}


def test_names_that_the_loop_reads_before_it_writes_are_carried(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    carried = carried_names(tmp_path / "train.py")
    assert {"best", "total", "lr", "model", "data"} <= carried
    assert not {"loss", "epoch", "batch", "used", "start"} & carried


def test_the_lines_behind_the_checkpoint_are_told_without_the_report(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    assert after_checkpoint(tmp_path / "train.py") == [10]
