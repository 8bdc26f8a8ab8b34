"""Writes many entries of the journal at once: each as ``encoded`` does, reports column by column.

The reports of a simulated run come by the thousand and have one form, so what is looked at per line
is looked at per column here: its type, whether it is finite, and whether it is another column over
again (the loss is one of the metrics), whose numbers are not written out twice.

Invariants (tests/experiment/journal/test_encoding.py):
- sign for sign what ``encoded`` makes of each entry, in order, whatever they are;
- a number that JSON has no form for is refused with ``ValueError``, as there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from pytest_synebench.events import Decision, Event, Note, Reported
from pytest_synebench.experiment.journal.encoding import encoded, report_template

Kept: TypeAlias = tuple[Event | Note, tuple[Decision, ...]]  #: an entry that is not written yet

_Row: TypeAlias = tuple[Any, ...]  # of a report

_LOSS = 3  # which column it is: time, trial, level, loss, metrics


def encoded_all(entries: Sequence[Kept]) -> list[str]:
    """Return each entry as one line of JSON, in order."""
    texts = [""] * len(entries)
    reports: dict[tuple[object, ...], tuple[list[int], list[_Row]]] = {}
    for place, (event, decisions) in enumerate(entries):
        if type(event) is Reported and not decisions:
            report = event.report
            at_s, loss, metrics = report.at_s, report.loss, report.metrics
            keys = tuple(metrics)
            if keys not in reports:
                reports[keys] = [], []
            places, rows = reports[keys]
            places.append(place)
            rows.append((at_s, report.trial_id, report.resource, loss, *metrics.values()))
        else:
            texts[place] = encoded(event, decisions)
    for names, (places, rows) in reports.items():
        lines = _reported(names, rows) or (encoded(entries[place][0]) for place in places)
        for place, text in zip(places, lines, strict=True):
            texts[place] = text
    return texts


def _reported(keys: tuple[object, ...], rows: Sequence[_Row]) -> Iterable[str] | None:
    """Return reports with equal keys as lines; None where not all are plain numbers."""
    columns = list(zip(*rows, strict=True))
    template = report_template(keys)
    if not template or not all(map(_plain, columns)):
        return None
    losses = _texts(columns[_LOSS])
    texts = [
        losses if all(map(operator.is_, column, columns[_LOSS])) else _texts(column)
        for column in columns
    ]
    return map(template.__mod__, zip(*texts, strict=True))


def _plain(column: tuple[Any, ...]) -> bool:
    """Whether it is all integers, or all floats that are finite."""
    kinds = set(map(type, column))
    # A sum is finite only where all of it is. It may overflow: then each line is looked at.
    return kinds == {int} or (kinds == {float} and math.isfinite(sum(column)))


def _texts(column: tuple[Any, ...]) -> list[str]:
    return list(map(repr, column))
