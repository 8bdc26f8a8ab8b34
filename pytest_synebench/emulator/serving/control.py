"""What drives the emulator itself: waits, the clock, faults, quotas; JSON over the same door.

A test never sleeps: it waits for a state or a line of a log, which is answered when it is there.

Invariants (tests/emulator/serving/test_control.py holds each one):
- a wait is answered as soon as what is waited for has been, even if it is over by now;
- an order that names something unknown is refused with what there is, and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pytest_synebench.emulator.api.views import described
from pytest_synebench.emulator.jobs import faults as rules
from pytest_synebench.emulator.jobs.account import Account, Entry
from pytest_synebench.emulator.jobs.faults import Faults
from pytest_synebench.emulator.jobs.lifecycle import IllegalEventError, Reclaimed, status_of
from pytest_synebench.emulator.refusal import Refusal
from pytest_synebench.emulator.serving.calls import Calls

PREFIX = "/_emulator/"  #: no bucket has such a name
_Told = Mapping[str, Any]


class Runs(Protocol):
    """What is driven of the machines."""

    def kill(self, name: str) -> None:
        """Kill a job's processes."""
        ...

    def sync(self, name: str) -> None:
        """Have a job's checkpoints in S3."""
        ...


class Control:
    """Answers orders."""

    def __init__(
        self,
        account: Account,
        faults: Faults,
        calls: Calls,
        runs: Runs,
        reset: Callable[[float], None],
    ) -> None:
        self._account = account
        self._faults = faults
        self._calls = calls
        self._runs = runs
        self._reset = reset
        self._known: dict[str, Callable[[_Told], Any]] = {
            "wait": self._wait,
            "wait_line": self._wait_line,
            "lines": lambda told: self._entry(told).lines,
            "advance": lambda told: self._account.advance(told["seconds"]),
            "now": lambda _: self._account.clock.now_s(),
            "faults": self._set_faults,
            "quotas": lambda told: self._account.quotas.update(told["quotas"]),
            "calls": lambda _: self._calls.counts(),
            "job_calls": lambda _: self._calls.of_jobs(),
            "reclaim": lambda told: self._account.feed(self._entry(told), Reclaimed()),
            "kill": lambda told: self._runs.kill(self._entry(told).name),
            "sync": lambda told: self._runs.sync(self._entry(told).name),
            "reset": lambda told: self._reset(told["timeout_s"]),
        }

    def __call__(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to an order."""
        order = path.removeprefix(PREFIX)
        if order not in self._known:
            return _error(404, f"no order is called {order!r}; known: {', '.join(self._known)}")
        try:
            told = json.loads(body or b"{}")
            return 200, json.dumps(self._known[order](told)).encode()
        except KeyError as error:
            return _error(400, f"{order} lacks {error}")
        except (IllegalEventError, ValueError, TypeError, Refusal) as error:
            return _error(400, f"{order}: {error}")

    def _entry(self, told: _Told) -> Entry:
        return self._account.find(told["job"])

    def _wait(self, told: _Told) -> Any:
        entry, wanted = self._entry(told), frozenset(told["states"])

        def reached() -> bool:
            states = {one.secondary.value for one in entry.life.history}
            return bool(wanted & (states | {status_of(o.secondary) for o in entry.life.history}))

        return self._after(reached, told, entry)

    def _wait_line(self, told: _Told) -> Any:
        entry, text = self._entry(told), told["text"]
        seen = 0

        def printed() -> bool:
            nonlocal seen
            # Where old lines were dropped, all are looked at again.
            new = entry.lines[seen if seen <= len(entry.lines) else 0 :]
            seen = len(entry.lines)
            return any(text in line for line in new)

        return self._after(printed, told, entry)

    def _after(self, holds: Callable[[], bool], told: _Told, entry: Entry) -> Any:
        in_time = self._account.wait(holds, told["timeout_s"])
        return {
            "in_time": in_time,
            "job": described(self._account, entry),
            "lines": entry.lines[-20:],
        }

    def _set_faults(self, told: _Told) -> Any:
        if "faults" in told:
            self._faults.replace([rules.from_json(one) for one in told["faults"]])
        return [rule.to_json() for rule in self._faults.rules()]


def _error(status: int, text: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": text}).encode()
