"""``report(epoch=3, loss=0.25)``: how a training script says how good it is.

Inside a trial a report goes to the controller; by hand it is one readable line on stdout.

Invariants (tests/training/test_reporter.py holds each one):
- what is not a mapping of names to plain scalars never leaves the script: the error names key,
  type and cure;
- NaN and infinities are reported as they are;
- scalars of numpy and torch arrive as Python's.
"""

from __future__ import annotations

from pytest_synebench.errors import ReportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESERVED = "st_"  #: names that begin so are the system's own
_MAX_INT = 2**63


class Reporter:
    """A callable that takes metrics by name; may be called from any thread.

    Example::

        report = Reporter()
        for epoch in range(1, epochs + 1):
            report(epoch=epoch, loss=train())
    """

    def __call__(self, **metrics: Any) -> None:
        """Report metrics; returns when they are on their way, or ends the process (see Raises).

        Args:
            metrics: scalars by name: int, float (NaN allowed), bool, str, None, or a scalar of
                numpy or torch. The resource level is an int from 1 up, under the name that the
                benchmark calls ``resource_attr``.

        Raises:
            ReportError: a name or value breaks that rule; the text says which and how to mend it.
            SystemExit: with code 0, where the controller wants this attempt to end.
        """
        from pytest_synebench.training.session import current_session

        if not metrics:
            raise ReportError("report() got no metric; write report(epoch=epoch, loss=loss)")
        plain = {name: _plain(name, value) for name, value in metrics.items()}
        session = current_session()
        if session is None:
            shown = " ".join(f"{name}={value!r}" for name, value in plain.items())
            print(f"report: {shown}", flush=True)
        else:
            session.report(plain)


def _plain(name: str, value: object) -> object:
    if name.startswith(RESERVED):
        raise ReportError(
            f"report() got {name!r}; names that begin with {RESERVED!r} are the system's own, "
            f"use {name.removeprefix(RESERVED) or 'another'!r}"
        )
    scalar = plain_scalar(value)
    if scalar is NotImplemented:
        raise ReportError(
            f"report() got {name}={shortened(value)} of type {type(value).__name__}; a metric is "
            f"an int, float, bool, str or None; pass {name}=float(...), or .item() of a tensor "
            "with one element"
        )
    if isinstance(scalar, int) and not -_MAX_INT <= scalar < _MAX_INT:
        raise ReportError(f"report() got {name}, an int of more than 64 bits; pass float({name})")
    return scalar


def plain_scalar(value: object) -> object:
    """Return a scalar as Python's own int, float, bool, str or None, else ``NotImplemented``.

    Scalars of numpy and torch (anything without dimensions that has ``.item()``) are taken.

    >>> plain_scalar(True), plain_scalar([1]) is NotImplemented
    (True, True)
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    for kind in (bool, int, float, str):  # numpy.float64 is a float, an IntEnum is an int
        if isinstance(value, kind):
            return kind(value)
    return NotImplemented


def shortened(value: object, limit: int = 60) -> str:
    """Return what a value looks like, in at most ``limit`` signs and on one line.

    >>> shortened(list(range(100)), 12)
    '[0, 1, 2, ..'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else text[: limit - 2] + ".."
