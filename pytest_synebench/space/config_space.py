"""A configuration space: the arguments of a training script, some to tune, the others constant.

Invariants (tests/space/ holds each one):
- ``sample`` draws the same config whatever the order in which the arguments were written;
- ``complete`` fills what is missing with midpoints, and refuses what is unknown or outside;
- configs have equal keys exactly where each value matches;
- ``ConfigSpace.from_json(space.to_json()) == space``.
"""

from __future__ import annotations

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain
from pytest_synebench.space.finite import check_scalar
from pytest_synebench.space.makers import domain_from_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random
    from typing import Any

    from pytest_synebench.space.domain import Scalar


class ConfigSpace:
    """The arguments of a training script: a mapping from names to domains and constants.

    Raises:
        UsageError: a name cannot be that of an argument, or a constant is no plain scalar.
    """

    __slots__ = ("_sorted", "constants", "domains", "size")

    def __init__(self, mapping: Mapping[str, Domain | Scalar] | ConfigSpace) -> None:
        self.domains: dict[str, Domain] = {}  #: what is tuned, in the order it was written
        self.constants: dict[str, Scalar] = {}
        for name in mapping:
            _check_name(name)
            entry = mapping[name]
            if isinstance(entry, Domain):
                self.domains[name] = entry
            else:
                check_scalar(f"config_space[{name!r}]", entry)
                self.constants[name] = entry
        self._sorted = sorted(self.domains.items())
        self.size = _product(self.domains)  #: how many configs there are; None: a continuum

    def __getitem__(self, name: str) -> Domain | Scalar:
        return self.domains[name] if name in self.domains else self.constants[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.domains
        yield from self.constants

    def __len__(self) -> int:
        return len(self.domains) + len(self.constants)

    def __contains__(self, name: object) -> bool:
        return name in self.domains or name in self.constants

    def keys(self) -> list[str]:
        """Return all names, so that ``dict(space)`` and ``{**space}`` work."""
        return list(self)

    def sample(self, rng: Random) -> dict[str, Scalar]:
        """Return a config (hyperparameters only), each drawn from its domain."""
        drawn = {name: domain.sample(rng) for name, domain in self._sorted}
        return {name: drawn[name] for name in self.domains}

    def midpoint(self) -> dict[str, Scalar]:
        """Return the config of all midpoints."""
        return {name: domain.midpoint() for name, domain in self.domains.items()}

    def at(self, index: int) -> dict[str, Scalar]:
        """Return config number ``index``, 0 <= index < size, of a finite space."""
        config: dict[str, Scalar] = {}
        for name, domain in reversed(self._sorted):
            index, digit = divmod(index, domain.size or 1)
            config[name] = domain.member(digit)
        return {name: config[name] for name in self.domains}

    def complete(self, partial: Mapping[str, object]) -> dict[str, Scalar]:
        """Return a whole config: the given values in their domains' own form, midpoints elsewhere.

        Raises:
            UsageError: it is no mapping, a name is not in the space, a value is outside of its
                domain, or a constant is given another value.
        """
        if not hasattr(partial, "items"):
            raise UsageError(f"{partial!r} is no config; write a mapping of names to values")
        for name, value in partial.items():
            self._check_entry(name, value)
        return {
            name: domain.cast(partial[name]) if name in partial else domain.midpoint()
            for name, domain in self.domains.items()
        }

    def check(self, config: Mapping[str, object]) -> None:
        """Refuse what is not a whole config of this space.

        Raises:
            UsageError: as for ``complete``, or a hyperparameter is missing.
        """
        missing = [name for name in self.domains if name not in config]
        if missing:
            raise UsageError(f"config {dict(config)!r} lacks {', '.join(missing)}; add a value")
        self.complete(config)

    def _check_entry(self, name: str, value: object) -> None:
        if name in self.domains:
            try:
                self.domains[name].cast(value)
            except UsageError as error:
                raise UsageError(f"{name}: {error}") from None
        elif name not in self.constants:
            known = ", ".join(self)
            raise UsageError(f"{name!r} is not in the space ({known}){self._near(name)}")
        elif repr(value) != repr(self.constants[name]):
            raise UsageError(
                f"{name} is {value!r}, but a constant of the space, {self.constants[name]!r}; "
                "leave it out"
            )

    def _near(self, name: object) -> str:
        from difflib import get_close_matches

        near = get_close_matches(str(name), list(self), n=1)
        return f". Did you mean {near[0]!r}?" if near else ""

    def merged(self, config: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Return all arguments of the script: the config and the constants."""
        return {**self.constants, **config}

    def key(self, config: Mapping[str, object]) -> str:
        """Return a text that is equal for configs to be taken for equal."""
        return "\n".join(domain.match_string(config[name]) for name, domain in self._sorted)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON types: a constant as it is, a domain as a mapping."""
        domains = {name: domain.to_json() for name, domain in self.domains.items()}
        return {**domains, **self.constants}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ConfigSpace:
        """Return the space that ``to_json`` wrote.

        Raises:
            UsageError: an entry is neither a plain scalar nor a domain known here.
        """
        return cls(
            {
                name: domain_from_json(entry) if isinstance(entry, dict) else entry
                for name, entry in data.items()
            }
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfigSpace):
            return NotImplemented
        # By repr, since a constant True is not a constant 1.
        return sorted(map(repr, self._entries())) == sorted(map(repr, other._entries()))

    def __hash__(self) -> int:
        return hash(tuple(sorted(map(repr, self._entries()))))

    def _entries(self) -> list[tuple[str, Domain | Scalar]]:
        return [(name, self[name]) for name in self]

    def __repr__(self) -> str:
        return f"ConfigSpace({dict(self._entries())!r})"


def config_space_size(config_space: Mapping[str, Domain | Scalar] | ConfigSpace) -> int | None:
    """Return how many configs there are, or None where there is no end of them.

    Raises:
        UsageError: a name or a constant breaks the rules of ``ConfigSpace``.

    Source: ``config_space_size`` of Syne Tune; here without a limit.

    >>> from pytest_synebench.space import choice, randint
    >>> config_space_size({"layers": randint(1, 3), "cell": choice(["gru", "lstm"]), "epochs": 81})
    6
    """
    return ConfigSpace(config_space).size


def _product(domains: Mapping[str, Domain]) -> int | None:
    size = 1
    for domain in domains.values():
        if domain.size is None:
            return None
        size *= domain.size
    return size


def _check_name(name: object) -> None:
    if (
        not isinstance(name, str)
        or not all(c.isalnum() or c in "_.-" for c in name)
        or name[:1] in {"", "-"}
        or name == "help"
        or name.startswith("st_")
    ):
        raise UsageError(
            f"config_space has the name {name!r}; it becomes the script's argument --NAME: use "
            "letters, digits, '_', '.', '-', not first a '-'; 'help' and names that begin with "
            "'st_' are taken"
        )
