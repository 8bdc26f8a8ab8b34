"""Calls that were recorded, asked again of an emulator: where does it answer otherwise?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from pytest_synebench.backends.sagemaker.recording.redaction import WORD
from pytest_synebench.emulator import Emulator

_ENDED = ("Completed", "Failed", "Stopped")
#: Stands for the program of every job: ends as its job did.
_STAND_IN = """
import json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("it is up", flush=True)
ends = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ends.json")))
end = ends.get(os.environ["TRAINING_JOB_NAME"])
if end == "Failed":
    sys.exit(1)
if end == "Completed":
    sys.exit(0)
while True:
    signal.pause()
"""

Calls = Sequence[Mapping[str, Any]]


def differences(calls: Calls, emulator: Emulator) -> list[str]:
    """Return in what the emulator differs from who answered these calls, in words.

    Compared are the answer of each call (granted, or the code of its error), each job's way from
    its creation to its end, and the fields that it is described by there. Not compared are times.
    """
    asked = [one for one in calls if one["service"] == "sagemaker"]
    last = _last_seen(asked)
    _prepare(emulator, {name: job["TrainingJobStatus"] for name, job in last.items()})
    found = [
        text
        for one in asked
        if (text := _asked_again(emulator, one, last))  # in order: a job is made once
    ]
    for name, job in last.items():
        found += _compared(name, job, emulator.wait(name, job["TrainingJobStatus"]))
    return found


def _last_seen(calls: Calls) -> dict[str, Mapping[str, Any]]:
    """Return how each job was described at its end; one that never was is left out."""
    described = [
        one["answer"]
        for one in calls
        if one["operation"] == "DescribeTrainingJob" and not one["error"]
    ]
    return {one["TrainingJobName"]: one for one in described if one["TrainingJobStatus"] in _ENDED}


def _prepare(emulator: Emulator, ends: Mapping[str, str]) -> None:
    client = emulator.client("s3")
    client.create_bucket(Bucket=WORD)
    for name, text in {"entry.py": _STAND_IN, "ends.json": json.dumps(ends)}.items():
        client.put_object(Bucket=WORD, Key=f"{WORD}/{name}", Body=text.encode())


def _asked_again(
    emulator: Emulator, call: Mapping[str, Any], last: Mapping[str, Mapping[str, Any]]
) -> str:
    name, request = call["operation"], dict(call["request"])
    for field in ("LastModifiedTimeAfter", "NextToken"):
        request.pop(field, None)
    job = str(request.get("TrainingJobName"))
    if name == "StopTrainingJob" and job in last:
        if call["error"]:
            emulator.wait(job, last[job]["TrainingJobStatus"])  # it had ended by then
        else:
            emulator.wait_for_line(job, "it is up")
    error = _error(emulator, name, request)
    if (call["error"] or "") == error:
        return ""
    return f"{name}: {call['error'] or 'granted'} there, {error or 'granted'} by the emulator"


def _error(emulator: Emulator, operation: str, request: Mapping[str, Any]) -> str:
    client = emulator.client("sagemaker")
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
    try:
        getattr(client, words)(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def _compared(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterable[str]:
    ways = [[one["Status"] for one in job["SecondaryStatusTransitions"]] for job in (there, here)]
    if ways[0] != ways[1]:
        yield f"{name}: {' → '.join(ways[0])} there, {' → '.join(ways[1])} by the emulator"
    for field in sorted(set(there) - set(here)):
        yield f"{name}: it is described by {field} there, and not by the emulator"
