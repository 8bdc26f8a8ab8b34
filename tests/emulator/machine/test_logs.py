from __future__ import annotations

from training_jobs import BUCKET

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.machine.logs import GROUP, Metrics, Stream


def test_every_line_becomes_an_event_in_order(sagemaker_emulator: Emulator) -> None:
    client = sagemaker_emulator.client("logs")
    now_s = Clock.machine_s()
    stream = Stream(client, BUCKET, 1_700_000_000.5)
    lines = [f"line {number}" for number in range(250)]
    stream.put(["", *lines], now_s)
    read = client.get_log_events(
        logGroupName=GROUP, logStreamName="team/algo-1-1700000000", startFromHead=True
    )
    assert [event["message"] for event in read["events"]] == [" ", *lines]


def test_a_metric_is_the_last_number_that_was_found() -> None:
    # ASSUMED-14
    metrics = Metrics(
        [
            {"Name": "loss", "Regex": r"loss=(\S+)"},
            {"Name": "none", "Regex": "loss"},
            {"Name": "empty", "Regex": "(x)?loss"},
        ]
    )
    assert metrics.found(["loss=1e-05", "other", "loss=high"]) == {"loss": 1e-05}
