"""What pytest is given for what was submitted: in the job, and where it is followed.

Invariants (tests/plugin/remote/test_arguments.py, tests/plugin/remote/test_remote.py):
- the same items are collected in both places as where the command was typed;
- submissions that cannot be followed by one session are refused, with what differs.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.tuning.record import Record


def together(records: Sequence[Record]) -> list[str]:
    """Return the arguments that select experiments which were submitted.

    Raises:
        UsageError: two of them were submitted with different settings.
    """
    first: dict[str, Record] = {}
    for record in records:
        _compare(first.setdefault(record.benchmark, record), record)
        _compare_groups(records[0], record)
    groups = records[0].groups
    return [
        *(record.node for record in records),
        *(
            f"--synebench-set={one.benchmark}.{key}={text}"
            for one in first.values()
            for key, text in one.settings.items()
        ),
        *([f"--synebench-set=argument_groups={groups}"] if groups else []),
    ]


def _compare(one: Record, other: Record) -> None:
    for key in sorted({*one.settings, *other.settings}):
        texts = one.settings.get(key), other.settings.get(key)
        if texts[0] != texts[1]:
            raise _differ(one, other, key, *texts)


def _compare_groups(one: Record, other: Record) -> None:
    if one.groups != other.groups:
        raise _differ(one, other, "argument_groups", one.groups, other.groups)


def _differ(one: Record, other: Record, key: str, *texts: str | None) -> UsageError:
    told = " and ".join("none" if text is None else repr(text) for text in texts)
    return UsageError(
        f"--synebench-attach: {one.name} and {other.name} were submitted with other values of "
        f"{key} ({told}), so one session cannot have both; follow them one by one"
    )
