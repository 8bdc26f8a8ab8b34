"""Reports that a script prints: Syne Tune's tagged lines, found in an attempt's stdout.

    [tune-metric]: {"epoch": 3, "loss": 0.25, "st_worker_timestamp": 1643200000.0, ...}

What a line says becomes the messages that the report channel would have brought, so that all that
follows is the same. Such a script does not know where it ends: once it has reported its level it
is ``over``, and has to be stopped, unless its own argument for the last level ends it.

Invariants (tests/backends/local/test_tagged.py holds each one):
- however the bytes are cut, each report comes once, in order; the last may lack its newline;
- what stands around the tag (a progress bar, another tag) takes no report away;
- at most ``MAX_LINE_BYTES`` of a line are held; a longer report is none;
- what is tagged and no report is counted, the first is quoted, and nothing is raised;
- ``st_`` keys go no further unless the benchmark names them: equal runs send equal reports;
- nothing is sent of a level behind the one at which the attempt ends;
- an attempt goes on from the last level the journal has, if its first report is behind that.

Source: ``Reporter`` and ``retrieve`` in Syne Tune's report.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.backends.supervision.last_words import last_lines
from pytest_synebench.channel import MAX_LINE_BYTES, Message
from pytest_synebench.trial import Scalar, TrialId

TAG = b"[tune-metric]:"
_RESERVED = "st_"
_QUOTED_BYTES = 80
_MAX_INT = 2**63  # as of the report channel
_DECODER = json.JSONDecoder()


class Printed:
    """What is made of what the scripts of one run print."""

    def __init__(
        self,
        *,
        reports: bool = False,
        max_resource_attr: str | None = None,
        named: frozenset[str] = frozenset(),
        remark: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Say what is looked for.

        Args:
            reports: whether tagged lines are reports; else they are only remarked on.
            max_resource_attr: the script's argument for its last level.
            named: keys that the benchmark names: these are kept.
            remark: takes a line on what was printed and is no report, once of each kind.
        """
        self._reports = reports
        self._max_resource_attr = max_resource_attr
        self._named = named
        self._remark = remark
        self._told: set[str] = set()

    def reader(self, spec: AttemptSpec) -> TaggedReports | None:
        """Return what reads the stdout of one attempt; None: nothing does."""
        if not self._reports:
            return None
        last = spec.config.get(self._max_resource_attr or "")
        by_itself = spec.until is None or (type(last) is int and last <= spec.until)
        return TaggedReports(spec, self._named, ends_by_itself=by_itself)

    def bad_line(self, trial_id: TrialId, trouble: str) -> None:
        """Say what is wrong with a line that a trial has printed."""
        self._tell("bad", f"trial {trial_id} printed what is no report: {trouble}")

    def unheard(self, trial_id: TrialId) -> None:
        """Say that a trial reports by a protocol that its benchmark does not name."""
        self._tell(
            "unheard",
            f"trial {trial_id} printed lines tagged {TAG.decode()} and reported nothing else; "
            "Benchmark(report_protocol='syne_tune') reads them",
        )

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._remark(text)


class TaggedReports:
    """Bytes of an attempt's stdout in, messages out."""

    def __init__(self, spec: AttemptSpec, named: frozenset[str], *, ends_by_itself: bool) -> None:
        """Begin with nothing read.

        Args:
            spec: of the attempt.
            named: keys that begin with ``st_`` and are kept.
            ends_by_itself: whether the script has an argument that ends it at its level.
        """
        self._spec = spec
        self._named = named
        self._by_itself = ends_by_itself
        self._line = bytearray()
        self._skipping = False
        self._greeted = self._checkpoints = self._reached = False
        self._level = self._saved = 0
        self._sequence = 0
        self.rejected = 0  #: tagged lines that were no report
        self.trouble = ""  #: what was wrong with the first of them

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that ``data`` completes; an unfinished line is kept."""
        out: list[Message] = []
        # A progress bar goes back to the beginning of its line, for an hour perhaps.
        *ends, rest = data.replace(b"\r", b"\n").split(b"\n")
        for end in ends:
            self._keep(end)
            out += self._finished()
        self._keep(rest)
        return out

    def finish(self) -> list[Message]:
        """Return what the last line says; one that a signal has cut short is no fault."""
        rejected, trouble = self.rejected, self.trouble
        messages = self._finished()
        self.rejected, self.trouble = rejected, trouble
        return messages

    def hear(self, messages: Iterable[Message]) -> None:
        """Take note of what the script's checkpoint helpers say on the report channel."""
        for message in messages:
            if message.kind == "hello":
                self._greeted = True
                self._checkpoints = self._checkpoints or message.fields.get("checkpoints") is True
            elif message.kind == "saved" and type(level := message.fields.get("level")) is int:
                self._saved = max(self._saved, level)

    @property
    def over(self) -> bool:
        """Whether the attempt has nothing left to do, and does not know it."""
        safe = not self._checkpoints or self._saved >= self._level
        return self._reached and safe and not self._by_itself

    # -- lines -----------------------------------------------------------------------------------

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        self._line += part
        if len(self._line) > MAX_LINE_BYTES:
            at = self._line.rfind(TAG)
            if at >= 0:
                self._reject(self._line[at:], f"it has more than {MAX_LINE_BYTES} bytes")
            self._skipping = at >= 0
            del self._line[: -len(TAG)]  # what could begin a tag

    def _finished(self) -> list[Message]:
        line, skipped = bytes(self._line), self._skipping
        self._line.clear()
        self._skipping = False
        if skipped or TAG not in line:
            return []
        return [message for body in self._bodies(line) for message in self._say(body)]

    def _bodies(self, line: bytes) -> Iterator[Mapping[str, Any]]:
        """Yield the objects behind the tags of a line: two threads may have printed into it."""
        for part in line.decode(errors="replace").split(TAG.decode())[1:]:
            try:
                body, _ = _DECODER.raw_decode(part.lstrip())
            except (ValueError, RecursionError):
                body = None
            if isinstance(body, dict):
                yield body
            else:
                self._reject(part.encode(), "no JSON object")

    def _reject(self, part: bytes | bytearray, why: str) -> None:
        self.rejected += 1
        shown = last_lines(bytes(part[:_QUOTED_BYTES]).strip())
        self.trouble = self.trouble or f"{shown!r} behind its tag, {why}"

    # -- messages --------------------------------------------------------------------------------

    def _say(self, body: Mapping[str, Any]) -> Iterator[Message]:
        metrics = {k: v for k, v in body.items() if self._is_kept(k, v)}
        level = metrics.get(self._spec.resource_attr or "")
        if self._reached:
            return
        if not self._greeted:
            self._greeted = True
            known = self._spec.resume_at_most
            begun = known if type(level) is int and level > known else 0
            yield self._message("hello", resumed_from=begun, checkpoints=False, remark="")
        yield self._message("report", metrics=metrics)
        if type(level) is int and self._spec.until is not None:
            self._level, self._reached = level, level >= self._spec.until

    def _is_kept(self, key: str, value: object) -> bool:
        if key.startswith(_RESERVED) and key not in self._named:
            return False
        if not isinstance(value, Scalar) or (type(value) is int and abs(value) >= _MAX_INT):
            shown = f"{key!r} is {json.dumps(value)[:_QUOTED_BYTES]}, which is no number or text"
            self.trouble = self.trouble or shown
            return False
        return True

    def _message(self, kind: str, **fields: Any) -> Message:
        self._sequence += 1
        return Message(kind, self._sequence - 1, fields)
