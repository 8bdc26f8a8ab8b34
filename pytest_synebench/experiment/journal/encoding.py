"""Writes an entry of the journal as text: what ``to_json`` says, without making it first.

A simulated experiment writes little but reports, slots and starts, by the hundred thousand. Their
lines differ in numbers alone, so each form is a template, made once per set of keys; whatever has
another form goes through ``to_json`` and the JSON encoder, which take three times as long.

Invariants (tests/experiment/journal/test_encoding.py):
- sign for sign what the JSON encoder makes of ``to_json``, whatever the event and its decisions;
- a number that JSON has no form for is refused with ``ValueError``, as the encoder does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pytest_synebench.events import (
    Began,
    Decision,
    Event,
    Note,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
    Stop,
    to_json,
)

#: As ``json.dumps``, which makes an encoder anew for each call.
ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_Item: TypeAlias = Event | Note | Decision
_PLACES = {float: "%r", int: "%d"}
_BOOLS = {True: "true", False: "false"}


def encoded(event: Event | Note, decisions: tuple[Decision, ...] = ()) -> str:
    """Return an entry as one line of JSON.

    >>> encoded(SlotFreed(at_s=1.5, may_start=False))
    '{"e":{"k":"slot","t":1.5,"may_start":false}}'
    """
    line = f'{{"e":{_text(event)}}}'
    return with_decisions(line, decisions) if decisions else line


def with_decisions(line: str, decisions: Iterable[Decision]) -> str:
    """Return the line of an event with the decisions about it, of which there are some."""
    return f'{line[:-1]},"d":[{",".join(map(_text, decisions))}]}}'


def _text(item: _Item) -> str:
    write = _WRITERS.get(type(item))
    return (write(item) if write else "") or ENCODE(to_json(item))


# Each of these returns "" where the item has another form.


def _reported(event: Reported) -> str:
    report = event.report
    metrics = report.metrics
    numbers = (report.at_s, report.trial_id, report.resource, report.loss, *metrics.values())
    template = _report_template(tuple(metrics), tuple(map(type, numbers)))
    return template % numbers if template and _finite(numbers) else ""


def _slot_freed(event: SlotFreed) -> str:
    if not _plain_time(event.at_s):
        return ""
    return f'{{"k":"slot","t":{event.at_s!r},"may_start":{_BOOLS[event.may_start]}}}'


def _began(note: Began) -> str:
    if not _plain_time(note.at_s):
        return ""
    return (
        f'{{"k":"began","t":{note.at_s!r},"trial":{note.trial_id},"attempt":{note.attempt},'
        f'"from":{note.resumed_from},"checkpoints":{_BOOLS[note.checkpoints]},'
        f'"remark":{ENCODE(note.remark)}}}'
    )


def _start(decision: Start) -> str:
    config = decision.config
    numbers = tuple(config.values())
    template = _mapping_template(tuple(config), tuple(map(type, numbers)))
    if decision.checkpoint is not None or not template or not _finite(numbers):
        return ""
    return (
        f'{{"k":"start","trial":{decision.trial_id},"config":{template % numbers},'
        f'"until":{_or_null(decision.until)}}}'
    )


def _resume(decision: Resume) -> str:
    until = _or_null(decision.until)
    return f'{{"k":"resume","trial":{decision.trial_id},"until":{until}}}'


def _pause(decision: Pause) -> str:
    return f'{{"k":"pause","trial":{decision.trial_id}}}'


def _stop(decision: Stop) -> str:
    return f'{{"k":"stop","trial":{decision.trial_id}}}'


_WRITERS: dict[type, Callable[[Any], str]] = {
    Reported: _reported,
    SlotFreed: _slot_freed,
    Began: _began,
    Start: _start,
    Resume: _resume,
    Pause: _pause,
    Stop: _stop,
}


def _finite(numbers: tuple[Any, ...]) -> bool:
    try:
        # A sum is finite only where all of it is. It may overflow: then the encoder says.
        return math.isfinite(sum(numbers))
    except OverflowError:
        return False


def _or_null(level: int | None) -> int | str:
    return "null" if level is None else level


def _plain_time(at_s: float) -> bool:
    return type(at_s) is float and math.isfinite(at_s)


@lru_cache(maxsize=256)
def report_template(keys: tuple[object, ...]) -> str:
    """Return the template of a report's line, for the texts of its numbers.

    Args:
        keys: of its metrics.

    Returns:
        The template; "" where a key is no text.

    >>> report_template(("loss",)) % ("1.5", "0", "3", "0.25", "0.25")
    '{"e":{"k":"report","t":1.5,"trial":0,"r":3,"loss":0.25,"m":{"loss":0.25}}}'
    """
    if not all(type(key) is str for key in keys):
        return ""
    return f'{{"e":{_report_form(["%s"] * 4, _mapping_form(keys, ["%s"] * len(keys)))}}}'


@lru_cache(maxsize=256)
def _report_template(keys: tuple[object, ...], kinds: tuple[type, ...]) -> str:
    places = [_PLACES.get(kind, "") for kind in kinds[:4]]
    metrics = _mapping_template(keys, kinds[4:])
    return _report_form(places, metrics) if all(places) and metrics else ""


def _report_form(places: Sequence[str], metrics: str) -> str:
    at, trial, level, loss = places
    return f'{{"k":"report","t":{at},"trial":{trial},"r":{level},"loss":{loss},"m":{metrics}}}'


@lru_cache(maxsize=256)
def _mapping_template(keys: tuple[object, ...], kinds: tuple[type, ...]) -> str:
    """Return the template of a mapping from texts to numbers; "" where it is not one."""
    if not all(kind in _PLACES for kind in kinds) or not all(type(key) is str for key in keys):
        return ""
    return _mapping_form(keys, [_PLACES[kind] for kind in kinds])


def _mapping_form(keys: Sequence[object], places: Sequence[str]) -> str:
    names = (ENCODE(key).replace("%", "%%") for key in keys)
    entries = (f"{name}:{place}" for name, place in zip(names, places, strict=True))
    return f"{{{','.join(entries)}}}"
