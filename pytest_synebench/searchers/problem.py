"""What a searcher is made for: the space, the seed, and what the benchmark and the user say.

Whoever registers a searcher of their own is handed one of these, see ``catalog``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All that a searcher may depend on, next to the history."""

    space: ConfigSpace
    seed: int  #: what chance depends on, together with the number of the suggestion
    points: tuple[Config, ...] = ()  #: whole configs to suggest first, all different
    levels: bool = True  #: whether trials report at several levels, not at one only
    constraint_attr: str | None = (
        None  #: key of the reports that must be <= 0 for a config to count
    )
    cost_model: object | None = None  #: the benchmark's, see ``cost_models``
    arguments: Mapping[str, Any] = field(
        default_factory=dict
    )  #: parameters ``searcher_NAME``, as NAME

    def argument(self, name: str, default: Any) -> Any:
        """Return an argument of the user's, or the default where there is none, or None."""
        value = self.arguments.get(name)
        return default if value is None else value
