"""What a job sends, turned into observations: the same for a pipe and for a remote store.

Invariants (tests/backends/test_inbox.py holds each one):
- a field that is missing or of another type makes the message count as rejected, and nothing else;
- reports are numbered 0, 1, 2, … without a gap, whatever stands between them;
- a kind that this version does not know is left out, and is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptKey,
    AttemptReported,
    AttemptSaved,
    Observation,
)
from pytest_synebench.channel import Message

_T = TypeVar("_T")


class Inbox:
    """One attempt's messages."""

    def __init__(self, key: AttemptKey) -> None:
        self._key = key
        self.reports = 0  #: so far
        self.rejected = 0  #: messages whose fields are not those of their kind

    def take(self, messages: Iterable[Message]) -> list[Observation]:
        """Return what the messages say, in their order."""
        out = []
        for message in messages:
            read = _READERS.get(message.kind)
            try:
                observation = read(self, message.fields) if read else None
            except (KeyError, TypeError):
                self.rejected += 1
                continue
            if observation is not None:
                out.append(observation)
        return out

    def _hello(self, fields: Mapping[str, Any]) -> Observation:
        return AttemptBegan(
            key=self._key,
            resumed_from=_typed(fields["resumed_from"], int),
            checkpoints=_typed(fields["checkpoints"], bool),
            remark=_typed(fields.get("remark", ""), str),
        )

    def _report(self, fields: Mapping[str, Any]) -> Observation:
        metrics = _typed(fields["metrics"], dict)
        self.reports += 1
        return AttemptReported(key=self._key, sequence=self.reports - 1, metrics=metrics)

    def _saved(self, fields: Mapping[str, Any]) -> Observation:
        return AttemptSaved(key=self._key, level=_typed(fields["level"], int))


def _typed(value: object, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


_READERS: dict[str, Callable[[Inbox, Mapping[str, Any]], Observation]] = {
    "hello": Inbox._hello,
    "report": Inbox._report,
    "saved": Inbox._saved,
}
