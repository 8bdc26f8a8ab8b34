"""The arguments of a training script, made from its configuration space.

Invariants (tests/training/test_arguments.py holds each one):
- the parser gains exactly one option per key of the space, named as the key is;
- every value of the space, written by ``str`` behind its option, is parsed to an equal value of
  the same type; an option may be left out only where ``None`` is a value.

Source: ``add_to_argparse`` and ``parse_bool`` of Syne Tune, whose scripts call them.
"""

from __future__ import annotations

from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, Domain
from pytest_synebench.space.finite import Listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Mapping

    from pytest_synebench.space.domain import Scalar

_BOOLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class NotABoolError(UsageError, ValueError):
    """A text that is neither true nor false; a ValueError too, as argparse expects of a type."""


def parse_bool(value: object) -> bool:
    """Return the truth that a text names: true, 1, yes, false, 0 or no, in any case of letters.

    Args:
        value: the text; a bool is returned as it is.

    Raises:
        NotABoolError: it names neither.

    >>> parse_bool("False")
    False
    """
    truth = _BOOLS.get(str(value).strip().lower())
    if truth is None:
        raise NotABoolError(f"{value!r} is neither true nor false; write True or False")
    return truth


def add_to_argparse(
    parser: ArgumentParser, config_space: Mapping[str, Domain | Scalar] | ConfigSpace
) -> None:
    """Add one option per key of the space, typed, and required unless it may be None.

    A value outside of the space is accepted: by hand, a script may be run with any.

    Args:
        parser: gains the options ``--KEY``; the parsed values are under ``KEY``.
        config_space: domains and constants of the script.

    Raises:
        UsageError: a key or a constant breaks the rules of ``ConfigSpace``.
    """
    space = ConfigSpace(config_space)
    for name in space:
        entry = space[name]
        values = _listed(entry)
        parser.add_argument(
            f"--{name}",
            dest=name,
            type=_reader(entry, values),
            required=None not in values,
            metavar=_type_of(entry).__name__.upper(),
            help=repr(entry).replace("%", "%%"),
        )


def _listed(entry: Domain | Scalar) -> tuple[Scalar, ...]:
    if isinstance(entry, Domain):
        return entry.values if isinstance(entry, Listed) else ()
    return (entry,)


def _type_of(entry: Domain | Scalar) -> type:
    return entry.value_type if isinstance(entry, Domain) else type(entry)


def _reader(entry: Domain | Scalar, values: tuple[Scalar, ...]) -> Callable[[str], Scalar]:
    """Return what turns the text of an option into its value."""
    kind = _type_of(entry)
    general: Callable[[str], Scalar] = str if kind in {object, type(None)} else kind
    if kind is bool:
        general = parse_bool
    written = {str(value): value for value in values}
    if {type(value) for value in values} <= {kind}:
        return general

    def read(text: str) -> Scalar:
        """Read what one of several values of different types was written as."""
        return written[text] if text in written else general(text)

    read.__name__ = kind.__name__  # argparse names the type in its errors
    return read
