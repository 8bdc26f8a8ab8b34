"""Which worker of pytest-xdist gets what: experiments whole, gates last and on one worker.

A worker runs an item only once it knows the next one, so to hold all gates back until everything
else has ended would deadlock. The first gate is handed out at once, as the last successor of one
worker's items, and waits there until the others are sent, or that nothing comes.

Invariants (tests/plugin/gate/test_placing.py, tests/plugin/test_xdist.py):
- every item of an experiment goes to one worker;
- gates go to one worker, and start when no other item is left;
- where the worker that has them crashes, another gets them all.
"""

from __future__ import annotations

from typing import Any

from pytest_synebench.plugin import compat

GATES = "synebench::gate"


class Placing:
    """Laid over pytest-xdist's scheduler by scopes, whose names it uses."""

    workqueue: Any
    assigned_work: Any
    registered_collections: Any

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._gates: dict[str, bool] | None = None  #: that wait for everything else to end
        self._keeper: Any = None  #: the worker that has the first of them
        self._dealing = False

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(f"{GATES}::"):
            return GATES
        return nodeid.rpartition("::")[0] if nodeid.startswith("synebench::") else nodeid

    @property
    def nodes(self) -> list[Any]:
        """The workers; while work is dealt out, without the one that must not be ended yet."""
        return [one for one in self.assigned_work if not (self._dealing and one is self._keeper)]

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out."""
        return self._gates is None and bool(self._above.tests_finished)

    @property
    def _above(self) -> Any:
        return super()

    def schedule(self) -> None:
        """Deal the items out."""
        self._dealing = True
        try:
            self._above.schedule()
        finally:
            self._dealing = False
        self._release()

    def _assign_work_unit(self, node: Any) -> None:
        if next(iter(self.workqueue)) == GATES:
            gates = self.workqueue[GATES]
            first = [nodeid for nodeid, done in gates.items() if not done][:1]
            self._keeper = node
            self._gates = {nodeid: done for nodeid, done in gates.items() if nodeid not in first}
            self.workqueue[GATES] = dict.fromkeys(first, False)
        compat.hand_out_next(self._above, node)

    def _reschedule(self, node: Any) -> None:
        alone = all(one.shutting_down for one in self.assigned_work if one is not node)
        if node is not self._keeper or (self.workqueue and alone):
            compat.hand_out_more(self._above, node)
        self._release()

    def _release(self) -> None:
        """Hand the other gates out once all but the first of them has ended."""
        keeper, gates = self._keeper, self._gates
        if gates is None or keeper not in self.assigned_work or keeper.shutting_down:
            return
        left = sum(not done for work in self._units() for done in work.values())
        if left > 1 or self.workqueue:
            return
        self._gates = None
        self.assigned_work[keeper][GATES].update(gates)
        collection = self.registered_collections[keeper]
        keeper.send_runtest_some([collection.index(i) for i, done in gates.items() if not done])
        keeper.shutdown()

    def _units(self) -> list[dict[str, bool]]:
        return [unit for units in self.assigned_work.values() for unit in units.values()]

    def remove_node(self, node: Any) -> str | None:
        """Let a worker go; what it has not done is handed out again."""
        if node is self._keeper:
            if self._gates is not None:
                self.assigned_work[node][GATES].update(self._gates)
            self._keeper = self._gates = None
        crashed: str | None = self._above.remove_node(node)
        return crashed
