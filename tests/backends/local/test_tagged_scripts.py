"""Real scripts that print Syne Tune's lines: warm and cold, stopped at their level, logged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_synebench.backends.local.tagged import Printed
from pytest_synebench.backends.protocol import AttemptBegan

from .local_stage import local_stage, run, spec_of

#: What the reporter of Syne Tune 0.13 prints, without that.
TAGGED = """
import json, sys, time
def report(**kwargs):
    kwargs.update(st_worker_timestamp=time.time(), st_worker_time=0.5, st_worker_iter=0)
    print(f"[tune-metric]: {json.dumps(kwargs)}")
    sys.stdout.flush()
"""
EPOCHS = TAGGED + "for epoch in range(1, 6): report(epoch=epoch, loss=1 / epoch)\n"
ENDLESS = EPOCHS + "while True: time.sleep(60)\n"


@pytest.mark.parametrize("launch", ["warm", "cold"])
def test_a_script_that_prints_reports_is_heard_and_logged(tmp_path: Path, launch: str) -> None:
    printed = Printed(reports=True)
    with local_stage(tmp_path, EPOCHS, printed=printed, launch=launch) as stage:
        spec = replace(spec_of(stage), resource_attr="epoch")
        watcher, end = run(stage, spec)

        assert (end.ok, end.detail) == (True, "exit code 0")
        assert watcher.reports(spec) == [{"epoch": e, "loss": 1 / e} for e in range(1, 6)]
        log = (stage.directory / "0/stdout.log").read_text()
        assert log.count("[tune-metric]: {") == log.count("st_worker_timestamp") == 5


def test_a_script_that_goes_on_beyond_its_level_is_ended_there_in_order(tmp_path: Path) -> None:
    with local_stage(tmp_path, ENDLESS, printed=Printed(reports=True), grace_s=30.0) as stage:
        spec = replace(spec_of(stage), resource_attr="epoch", until=2, resume_at_most=1)
        watcher, end = run(stage, spec)

        assert end.ok
        assert "told to stop: signal 15 (SIGTERM)" in end.detail
        assert watcher.reports(spec) == [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
        (began,) = [seen for seen in watcher.seen if isinstance(seen, AttemptBegan)]
        assert (began.resumed_from, began.checkpoints) == (0, False)


def test_a_script_that_is_deaf_is_ended_by_force(tmp_path: Path) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with local_stage(tmp_path, deaf + ENDLESS, printed=Printed(reports=True)) as stage:
        _, end = run(stage, replace(spec_of(stage), resource_attr="epoch", until=5))
        assert end.ok
        assert "ended by force: signal 9" in end.detail


def test_a_script_with_an_argument_for_its_last_level_is_left_to_end(tmp_path: Path) -> None:
    printed = Printed(reports=True, max_resource_attr="epochs")
    last_words = TAGGED + "report(epoch=2, loss=1.0)\nprint('saved')\n"
    with local_stage(tmp_path, last_words, printed=printed) as stage:
        spec = replace(spec_of(stage, epochs=2), resource_attr="epoch", until=2)
        _, end = run(stage, spec)
        assert end.detail == "exit code 0"
        assert (stage.directory / "0/stdout.log").read_text().endswith("saved\n")


def test_a_flood_is_taken_in_at_the_rate_and_nothing_is_lost(tmp_path: Path) -> None:
    flood = TAGGED + "for epoch in range(1, 401): report(epoch=epoch)\n"
    options = {"printed": Printed(reports=True), "report_rate": 2000.0}
    with local_stage(tmp_path, flood, **options) as stage:
        spec = replace(spec_of(stage), resource_attr="epoch")
        watcher, _ = run(stage, spec)
        assert [r["epoch"] for r in watcher.reports(spec)] == list(range(1, 401))


def test_a_bad_line_is_told_once_and_the_others_count(tmp_path: Path) -> None:
    told: list[str] = []
    bad = TAGGED + "print('[tune-metric]: {epoch}')\nreport(epoch=1)\nprint('[tune-metric]: x')\n"
    with local_stage(tmp_path, bad, printed=Printed(reports=True, remark=told.append)) as stage:
        spec = spec_of(stage)
        watcher, _ = run(stage, spec)
        assert watcher.reports(spec) == [{"epoch": 1}]
        (line,) = told
        assert line == (
            "trial 0 printed what is no report: '{epoch}' behind its tag, no JSON object"
        )


@pytest.mark.parametrize("own", ["", "from pytest_synebench.training import Reporter\n"])
def test_lines_that_nobody_reads_are_pointed_out(tmp_path: Path, own: str) -> None:
    told: list[str] = []
    script = EPOCHS + own + ("Reporter()(loss=1)\n" if own else "")
    with local_stage(tmp_path, script, printed=Printed(remark=told.append)) as stage:
        watcher, _ = run(stage, spec_of(stage))
        assert len(watcher.reports(spec_of(stage))) == bool(own)
    assert [line[:44] for line in told] == (
        [] if own else ["trial 0 printed lines tagged [tune-metric]: "]
    )
