"""One attempt that runs as a job: what is known of it, and what is to be done next. Pure.

Invariants (tests/backends/sagemaker/test_remote.py holds each one):
- it is placed before anything else is told of it, and ends once, last;
- it does not end before its last letter was read;
- one that is stopped before it was created is not created.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKept,
    AttemptPlaced,
    AttemptSpec,
    Observation,
)
from pytest_synebench.backends.sagemaker.platform import JobState, Phase
from pytest_synebench.backends.supervision.last_words import exit_words, last_lines
from pytest_synebench.channel import Message


@dataclass(slots=True)
class Remote:
    """One attempt, as far as it is known."""

    spec: AttemptSpec
    inbox: Inbox
    due_s: float = 0.0  #: when to call the platform for it again
    calling: bool = False  #: a call is on its way
    asked: bool = False  #: a create may have taken effect
    created: bool = False  #: the platform has said that it knows the job
    stop: bool = False  #: it is to end
    stopped: bool = False  #: the platform knows
    searched: int = 0  #: times that a job which is to end was not to be found
    placed: bool = False
    over: JobState | None = None
    refused: list[str] = field(default_factory=list)  #: what could not be loaded or kept
    end: dict[str, Any] | None = None  #: what the job said of its own end
    hashes: list[tuple[int, str]] = field(default_factory=list)  #: of what is kept, to be noted

    def wants(self) -> Literal["create", "stop", "end", "nothing"]:
        """Return the call that is to be made."""
        if self.over is not None or self.calling:
            return "nothing"
        if self.stop and not self.asked:
            return "end"
        if self.stop and not self.stopped:
            return "stop"
        return "nothing" if self.created or self.stop else "create"

    def seen(self, state: JobState) -> list[Observation]:
        """Take what the platform says of the job."""
        self.created = True
        out: list[Observation] = []
        if state.phase is Phase.PLACED:
            out += self._place()
        elif state.phase is Phase.ENDED and self.over is None:
            self.over = state
        return out

    def heard(self, messages: Iterable[Message]) -> list[Observation]:
        """Take what the job says: then it has a machine, whatever the platform has told."""
        out: list[Observation] = []
        for message in messages:
            out += self._place()
            if message.kind == "kept":
                out += self._kept(message)
            elif message.kind == "refused":
                self.refused.append(str(message.fields.get("remark", "")))
            elif message.kind == "ended":
                self.end = dict(message.fields)
            else:
                out += map(self._with_remark, self.inbox.take([message]))
        return out

    def ended(self) -> AttemptEnded:
        """Return the end; all letters were read."""
        if self.over is None:
            return AttemptEnded(key=self.spec.key, ok=False, detail="told to stop: it never ran")
        ok = self.over.ok and not self.stop
        return AttemptEnded(key=self.spec.key, ok=ok, detail=self._detail())

    def _place(self) -> list[Observation]:
        first, self.placed = not self.placed, True
        return [AttemptPlaced(key=self.spec.key)] if first else []

    def _kept(self, message: Message) -> list[Observation]:
        level, sha256 = message.fields.get("level"), message.fields.get("sha256")
        if type(level) is not int or type(sha256) is not str:
            self.inbox.rejected += 1
            return []
        self.hashes.append((level, sha256))
        return [AttemptKept(key=self.spec.key, level=level)]

    def _with_remark(self, seen: Observation) -> Observation:
        if not isinstance(seen, AttemptBegan) or not self.refused:
            return seen
        remark = "; ".join(filter(None, (*self.refused, seen.remark)))
        return AttemptBegan(
            key=seen.key,
            resumed_from=seen.resumed_from,
            checkpoints=seen.checkpoints,
            remark=remark,
        )

    def _detail(self) -> str:
        assert self.over is not None  # noqa: S101 - only one that is over has a detail
        told = self.end or {}
        code = told.get("code")
        parts = [exit_words(code)] if type(code) is int else [self.over.detail]
        if self.stop:
            parts.insert(0, "told to stop")
        rejected = self.inbox.rejected + int(told.get("rejected") or 0)
        if rejected:
            parts.append(f"messages that were none: {rejected}")
        tail = last_lines(str(told.get("tail") or "").encode()) if not self.stop else ""
        return "; ".join(filter(None, parts)) + (f"\n{tail}" if tail else "")
