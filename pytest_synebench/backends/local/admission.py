"""Which of the started attempts run already, which wait for a place, and what a place has.

Whoever starts attempts may want more of them at once than the machine can run (deterministic
mode does: its slots are virtual). Those beyond the capacity wait in the order of their start. A
place has GPUs, which are its attempt's until it leaves.

Invariants (tests/backends/local/test_admission.py holds each one):
- at most ``capacity`` attempts run;
- attempts come to run in the order in which they were started;
- while an attempt waits, every place is taken;
- an attempt has its GPUs from when it runs until it leaves, and one that waits has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_synebench.backends.local.devices import Devices
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec


class Admission:
    """Places, and the queue for them."""

    def __init__(self, capacity: int | None = None, devices: Devices | None = None) -> None:
        """Begin with every place free.

        Args:
            capacity: attempts that run at once, from 1 up; None: all of them.
            devices: the GPUs that they share; None: they see what is there.
        """
        self._capacity = capacity
        self._devices = devices or Devices((), 0)
        self._running: set[AttemptKey] = set()
        self._waiting: dict[AttemptKey, AttemptSpec] = {}

    def enter(self, spec: AttemptSpec) -> None:
        """Put an attempt at the end of the queue; ``admit`` says when its turn is."""
        self._waiting[spec.key] = spec

    def admit(self) -> AttemptSpec | None:
        """Return the next attempt that may run, which has its place from now on; None: none may.

        Ask until it is None, whenever an attempt has entered or left.
        """
        full = self._capacity is not None and len(self._running) >= self._capacity
        if full or not self._waiting:
            return None
        key = next(iter(self._waiting))
        self._running.add(key)
        return self._waiting.pop(key)

    def environment(self, key: AttemptKey) -> Mapping[str, str]:
        """Return the variables that show an attempt which may run its GPUs."""
        return self._devices.assign(key) if key in self._running else {}

    def waits(self, key: AttemptKey) -> bool:
        """Return whether an attempt is in the queue."""
        return key in self._waiting

    def leave(self, key: AttemptKey) -> None:
        """Let an attempt go: its place is free, or it is out of the queue. May be repeated."""
        self._running.discard(key)
        self._waiting.pop(key, None)
        self._devices.release(key)

    def drop(self) -> None:
        """Empty the queue; what runs keeps its place."""
        self._waiting.clear()

    def waiting(self) -> tuple[AttemptKey, ...]:
        """Return the attempts in the queue, the next one first."""
        return tuple(self._waiting)
