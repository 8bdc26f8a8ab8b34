"""In what order a job's news leave it: pure, so that no crash between two steps loses a level.

A checkpoint is kept only after the report of its level was delivered. Else a job that is lost
between the two would go on behind a level that nobody has heard of.

Invariants (tests/training/agent/test_outbox.py holds each one):
- messages leave in the order in which they came, each once;
- a checkpoint may be kept once a report of its level or a later one was delivered, or the script
  has ended;
- of several that may be kept, the newest is: the others are let go, and said to be.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from pytest_synebench.channel import Message
from pytest_synebench.training.agent.letters import MOST_MESSAGES


class Outbox:
    """What a script has said and saved, and what of it has left."""

    def __init__(self, resource_attr: str | None) -> None:
        self._resource_attr = resource_attr
        self._waiting: deque[Message] = deque()
        self._saved: dict[int, Path] = {}  #: frozen checkpoints, by level, ascending
        self._reported = 0  #: highest level delivered
        self._ended = False

    def put(self, message: Message) -> None:
        """Take a message that is to leave."""
        self._waiting.append(message)

    def freeze(self, level: int, frozen: Path) -> Path | None:
        """Take a checkpoint that is to be kept in its time; return the one whose place it takes."""
        replaced = self._saved.pop(level, None)
        self._saved[level] = frozen
        return replaced

    def end(self) -> None:
        """Take note that the script has ended: no report will follow what it saved."""
        self._ended = True

    def letter(self) -> list[Message]:
        """Return the messages that leave next, as many as one letter holds; [] none."""
        return [self._waiting[i] for i in range(min(len(self._waiting), MOST_MESSAGES))]

    def delivered(self, letter: list[Message]) -> None:
        """Take note that messages have arrived."""
        for message in letter:
            self._waiting.popleft()
            if message.kind == "report":
                self._reported = max(self._reported, self._level(message))

    def due(self) -> tuple[tuple[int, Path] | None, list[Path]]:
        """Return what is to be kept now, with its level, and what will not be; forgets both."""
        may = [n for n in self._saved if self._ended or n <= self._reported or self._levelless]
        if not may:
            return None, []
        newest = max(may)
        taken = {level: self._saved.pop(level) for level in may}
        return (newest, taken.pop(newest)), list(taken.values())

    @property
    def _levelless(self) -> bool:
        return self._resource_attr is None

    def _level(self, message: Message) -> int:
        metrics = message.fields.get("metrics")
        level = metrics.get(self._resource_attr) if isinstance(metrics, dict) else None
        return level if type(level) is int else 0
