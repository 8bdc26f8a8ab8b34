"""What a run and the process of an external searcher say to each other: one JSON object a line.

From the run, on the process's stdin::

    {"hello": 1, "space": {…}, "constants": {…}, "metric": "loss", "mode": "min", …}
    {"tell": "trial", "trial": 0, "config": {…}}
    {"tell": "report", "trial": 0, "resource": 1, "value": 0.5, "metrics": {…}}
    {"tell": "state", "trial": 0, "state": "paused"}       "running" again, or "ended"
    {"ask": 1}

From the process, on its stdout, once per ask::

    {"answer": 1, "config": {…}}       null: there is no further config

A line of its stdout that does not begin with ``{`` is no answer: it is what the program prints.

Invariants (tests/experiment/external/test_lines.py holds each one):
- what a history holds is told once, whatever is asked in between, and all of it before an ask;
- every line is strict JSON: a number that is not finite is null;
- however the bytes of stdout are cut, each answer is found, and each print goes to the log whole;
- an answer is a config of the space in its domains' own form, or refused with value and rule;
- nothing is kept beyond ``MAX_LINE_BYTES`` of one line.

docs/guide/external.md is the reference for those who write such a program.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_synebench.errors import SearcherError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config, Report, Scalar, TrialId

VERSION = 1  #: of the protocol, in the hello
MAX_LINE_BYTES = 2**20  #: of one answer
_SHOWN = 200  #: characters of a line that stand in an error
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=True).encode


def hello(plan: Plan, space: ConfigSpace) -> bytes:
    """Return the first line: what there is to search."""
    definition = plan.definition
    return _line(
        {
            "hello": VERSION,
            "space": {name: domain.to_json() for name, domain in space.domains.items()},
            "constants": _plain(space.constants),
            "metric": definition.metric,
            "mode": definition.mode,
            "resource_attr": definition.resource_attr,
            "max_resource": plan.max_resource,
            "constraint_attr": definition.constraint_attr,
            "seed": plan.seed,
        }
    )


def ask(number: int) -> bytes:
    """Return the line that asks for the config of a trial."""
    return _line({"ask": number})


class News:
    """What of a history has not been told yet.

    Args:
        mode: of the metric, "min" or "max": values are told with the user's own sign.
    """

    def __init__(self, mode: str) -> None:
        self._sign = -1.0 if mode == "max" else 1.0
        self._trials = self._reports = 0
        self._paused: set[TrialId] = set()
        self._ended: set[TrialId] = set()

    def lines(self, history: History) -> Iterator[bytes]:
        """Yield a line for each thing that is new since this was asked last: trials first."""
        while (config := history.configs.get(TrialId(self._trials))) is not None:
            yield _line({"tell": "trial", "trial": self._trials, "config": _plain(config)})
            self._trials += 1
        for report in history.reports[self._reports :]:
            self._reports += 1
            yield self._report(report)
        yield from self._states(history)

    def _report(self, report: Report) -> bytes:
        return _line(
            {
                "tell": "report",
                "trial": report.trial_id,
                "resource": report.resource,
                "value": _finite(report.loss * self._sign),
                "metrics": _plain(report.metrics),
            }
        )

    def _states(self, history: History) -> Iterator[bytes]:
        going_on = self._paused - history.paused - history.ended
        for word, found in (
            ("running", going_on),
            ("paused", history.paused - self._paused),
            ("ended", history.ended - self._ended),
        ):
            for trial_id in sorted(found):
                yield _line({"tell": "state", "trial": trial_id, "state": word})
        self._paused, self._ended = set(history.paused), set(history.ended)


class Answers:
    """Finds the answers in what a process writes to stdout.

    Args:
        printed: takes the bytes that are none.
    """

    def __init__(self, printed: Callable[[bytes], None]) -> None:
        self._printed = printed
        self._found: deque[bytes] = deque()
        self._begun = bytearray()  # of a line that may be an answer
        self._in_print = False  # whether the line that has begun is none

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            SearcherError: a line is longer than ``MAX_LINE_BYTES``.
        """
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._take(part)
            self._end()
        self._take(rest)

    def next(self) -> bytes | None:
        """Return the next answer, without its end; None: none has come whole."""
        return self._found.popleft() if self._found else None

    def _take(self, part: bytes) -> None:
        if not self._in_print and not self._begun:
            part = part.lstrip(b" \t\r")
            self._in_print = part[:1] not in (b"{", b"")
        if self._in_print:
            self._printed(part)
            return
        self._begun += part
        if len(self._begun) > MAX_LINE_BYTES:
            raise SearcherError(
                f"it writes a line of more than {MAX_LINE_BYTES} bytes that begins with "
                f"{_shown(bytes(self._begun))}; an answer is one short line"
            )

    def _end(self) -> None:
        if self._in_print:
            self._printed(b"\n")
        elif self._begun:
            self._found.append(bytes(self._begun))
        self._in_print = False
        self._begun.clear()


def answered(line: bytes, number: int, space: ConfigSpace) -> Config | None:
    """Return the config that an answer holds; None: there is no further one.

    Args:
        line: what the process wrote.
        number: what it was asked for.
        space: the configuration space.

    Raises:
        SearcherError: it is no answer to this, or its config is none of the space.
    """
    answer = _parsed(line)
    if "answer" not in answer or "config" not in answer:
        raise SearcherError(
            f'it wrote {_shown(line)}; an answer is {{"answer": {number}, "config": …}}: a line '
            "that begins with '{' is taken for one, so print other things to stderr"
        )
    if type(answer["answer"]) is not int or answer["answer"] != number:
        raise SearcherError(
            f"it answered {answer['answer']!r}, and was asked {number}: {_shown(line)}; each ask "
            "has one answer, which names its number"
        )
    if answer["config"] is None:
        return None
    try:
        return _own(answer["config"], space)
    except UsageError as error:
        raise SearcherError(f"its answer to ask {number} is refused: {error}") from None


def _own(config: object, space: ConfigSpace) -> Config:
    if not isinstance(config, dict):
        raise UsageError(f"config is {config!r}; it must be an object of names and values, or null")
    space.check(config)
    return {name: domain.cast(config[name]) for name, domain in space.domains.items()}


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise SearcherError(
            f"it wrote {_shown(line)}, which begins like an answer and is not JSON: {why}"
        ) from None
    return found if isinstance(found, dict) else {}


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _shown(line: bytes) -> str:
    text = ascii(line[: 4 * _SHOWN].decode(errors="replace"))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _line(told: Mapping[str, Any]) -> bytes:
    return _ENCODE(told).encode() + b"\n"


def _plain(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: _finite(value) for name, value in values.items()}


def _finite(value: Scalar) -> Scalar:
    return None if isinstance(value, float) and not math.isfinite(value) else value
