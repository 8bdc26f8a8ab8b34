"""What a job prints: into CloudWatch, and into its metrics.

Invariants (tests/emulator/machine/test_logs.py holds each one):
- every line becomes one event, in order, an empty one included;
- a metric is the last value that its pattern found in a line; what is no number is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GROUP = "/aws/sagemaker/TrainingJobs"
_BATCH = 100  #: events of one request; CloudWatch takes 10,000, and 1 MB


class Stream:
    """One log stream of one container."""

    def __init__(self, client: Any, job: str, began_s: float) -> None:
        self._client = client
        self._name = f"{job}/algo-1-{int(began_s)}"
        for create, names in (
            (client.create_log_group, {"logGroupName": GROUP}),
            (client.create_log_stream, {"logGroupName": GROUP, "logStreamName": self._name}),
        ):
            try:
                create(**names)
            except Exception as error:
                # By its code: two threads may be given two classes of one name.
                if _code(error) != "ResourceAlreadyExistsException":
                    raise

    def put(self, lines: Sequence[str], now_s: float) -> None:
        """Add lines; ``now_s`` is the machine's time."""
        at_ms = int(now_s * 1000)
        events = [{"timestamp": at_ms, "message": line or " "} for line in lines]
        for first in range(0, len(events), _BATCH):
            self._client.put_log_events(
                logGroupName=GROUP,
                logStreamName=self._name,
                logEvents=events[first : first + _BATCH],
            )


class Metrics:
    """Reads values out of lines, as a job's MetricDefinitions say."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        """Read the patterns.

        Raises:
            re.error: one is none.
        """
        self._patterns = [(one["Name"], re.compile(one["Regex"])) for one in definitions]

    def found(self, lines: Iterable[str]) -> dict[str, float]:
        """Return the last value of each metric that is in the lines.

        >>> Metrics([{"Name": "loss", "Regex": "loss=([0-9.]+)"}]).found(["loss=2", "loss=1.5"])
        {'loss': 1.5}
        """
        out = {}
        for line in lines:
            for name, pattern in self._patterns:
                value = _number(pattern.search(line))
                if value is not None:
                    out[name] = value
        return out


def _number(match: re.Match[str] | None) -> float | None:
    if match is None or not match.groups():
        return None
    try:
        return float(match[1])
    except (TypeError, ValueError):
        return None


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
