"""Which collected items run: those that given node ids name, each experiment's together.

Invariants (tests/plugin/test_picking.py):
- a node id runs what it names and nothing else; one that names nothing is a usage error;
- however other plugins order items, those of one experiment stay together, launch first.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_synebench.plugin.choice.command_line import PICKED
from pytest_synebench.plugin.gate import nodes, telling
from pytest_synebench.plugin.nodes.items import Item
from pytest_synebench.plugin.nodes.resume import ResumeItem
from pytest_synebench.plugin.session import runloop

_OURS = (Item, ResumeItem, nodes.GateItem, nodes.SuiteItem)


class Regroup:
    """Registered at the start of the session: the outermost wrapper, so that it is last."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Pick, let everyone else order, and bring experiments together again."""
        keep_picked(config, items)
        result = yield
        runloop.regroup(items)
        nodes.last(items)
        telling.refuse_moving(config, items)
        return result


def keep_picked(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the items that no given node id names.

    Raises:
        pytest.UsageError: a node id names none.
    """
    picked = config.stash.get(PICKED, ())
    if not picked:
        return
    ours: list[pytest.Item] = [item for item in items if isinstance(item, _OURS)]
    for wanted in picked:
        if not any(_names(wanted, item.nodeid) for item in ours):
            known = "\n  ".join(dict.fromkeys(item.nodeid.rpartition("::")[0] for item in ours))
            raise pytest.UsageError(
                f"not found: {wanted}\nexperiments of these options:\n  {known}\n"
                "(give the options of the run that the id is from as well)"
            )
    keep = {item for item in ours if any(_names(wanted, item.nodeid) for wanted in picked)}
    keep |= {item for item in items if not isinstance(item, _OURS)}
    dropped = [item for item in items if item not in keep]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item in keep]


def _names(wanted: str, nodeid: str) -> bool:
    return nodeid == wanted or nodeid.startswith((f"{wanted}::", f"{wanted}["))
