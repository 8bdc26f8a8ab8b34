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
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from pytest_synebench.events import Decision, Event, Note, Reported
from pytest_synebench.experiment.journal.encoding import encoded, report_template, with_decisions

Kept: TypeAlias = tuple[Event | Note, tuple[Decision, ...]]  #: an entry that is not written yet

_LOSS = 3  # which column it is of those that `_NUMBERS` takes out of a report
_NUMBERS = operator.attrgetter("at_s", "trial_id", "resource", "loss")
_METRICS = operator.attrgetter("metrics")
_VALUES = operator.methodcaller("values")


def encoded_all(entries: Sequence[Kept]) -> list[str]:
    """Return each entry as one line of JSON, in order."""
    texts = [""] * len(entries)
    alike: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, (event, decisions) in enumerate(entries):
        if type(event) is Reported:
            alike[tuple(event.report.metrics)].append(place)
        else:
            texts[place] = encoded(event, decisions)
    for keys, places in alike.items():
        events = [entries[place][0] for place in places]
        for place, text in zip(places, _reported(keys, events), strict=True):
            decisions = entries[place][1]
            texts[place] = with_decisions(text, decisions) if decisions else text
    return texts


def _reported(keys: tuple[object, ...], events: Sequence[Any]) -> Iterable[str]:
    """Return reports whose metrics have these keys as lines, without what was decided."""
    reports = [event.report for event in events]
    values = map(_VALUES, map(_METRICS, reports))
    columns = [*zip(*map(_NUMBERS, reports), strict=True), *zip(*values, strict=True)]
    template = report_template(keys)
    if not template or not all(map(_plain, columns)):
        return map(encoded, events)  # not all of it is plain numbers
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
