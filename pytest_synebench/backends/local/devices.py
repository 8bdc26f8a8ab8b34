"""Which GPUs there are, and which of them a trial sees.

GPUs are counted by their device files: no process is started and no driver is asked. A preset
CUDA_VISIBLE_DEVICES says which of them are ours. A trial sees its own share of those, by the same
variable, so that trials at the same time use different GPUs while there are enough.

Invariants (tests/backends/local/test_devices.py holds each one):
- a preset CUDA_VISIBLE_DEVICES is read as CUDA reads it: nothing behind the first entry that names
  no GPU counts, and one that is named twice leaves none;
- a GPU gets another user only where no other GPU has fewer;
- of equally busy GPUs, the ones that were assigned least often come first: all of them get used;
- equal calls give equal assignments.

Source: CUDA C++ Programming Guide, "CUDA Environment Variables"; GPU rotation of Syne Tune's
LocalBackend.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
_NUMBER = re.compile(r"\+?([0-9]+)")
_DEVICE_FILE = re.compile(r"nvidia[0-9]+")


def visible_gpus(environment: Mapping[str, str], root: Path = Path("/")) -> tuple[str, ...]:
    """Return the GPUs that a process with this environment sees, as CUDA_VISIBLE_DEVICES has them.

    Args:
        environment: of the process.
        root: where ``/dev`` and ``/proc`` are.
    """
    count = _count(root)
    preset = environment.get(VISIBLE)
    if preset is None:
        # Not the files' own numbers: CUDA counts what it may open, from 0.
        return tuple(map(str, range(count)))
    parts = [part.strip() for part in preset.split(",")]
    prefix = next((kind for kind in ("GPU-", "MIG-") if parts[0].startswith(kind)), "")
    named = []
    for part in parts:
        device = _named(part, prefix, count)
        if device in named:
            return ()
        if not device:
            break
        named.append(device)
    return tuple(named)


def _named(part: str, prefix: str, count: int) -> str:
    """Return the GPU that an entry names, or "" where it names none."""
    if prefix:
        return part if part.startswith(prefix) else ""
    found = _NUMBER.match(part)
    if found is None:
        return ""
    number = int(found[1])
    # Where no file is seen (WSL has none), the entry must be believed.
    return str(number) if not count or number < count else ""


def _count(root: Path) -> int:
    files = [file for file in root.glob("dev/nvidia*") if _DEVICE_FILE.fullmatch(file.name)]
    return len(files) or len(list(root.glob("proc/driver/nvidia/gpus/*")))


class Devices:
    """Hands out GPUs: those with the fewest users, then those assigned least often."""

    def __init__(self, gpus: Sequence[str], per_trial: int) -> None:
        """Begin with all GPUs free.

        Args:
            gpus: as ``visible_gpus`` returns them.
            per_trial: GPUs that each trial gets, 0 <= per_trial; 0: trials see all of them.
        """
        self._gpus = tuple(gpus)
        self._per_trial = min(per_trial, len(self._gpus))
        self._users = [0] * len(self._gpus)
        self._assigned = [0] * len(self._gpus)
        self._held: dict[Hashable, tuple[int, ...]] = {}

    def assign(self, key: Hashable) -> dict[str, str]:
        """Return the environment that shows a trial its GPUs; asked again, the same.

        >>> devices = Devices(["0", "1", "2"], per_trial=2)
        >>> devices.assign("a"), devices.assign("b")
        ({'CUDA_VISIBLE_DEVICES': '0,1'}, {'CUDA_VISIBLE_DEVICES': '0,2'})
        """
        if not self._per_trial:
            return {}
        if key not in self._held:
            self._held[key] = self._pick()
        return {VISIBLE: ",".join(self._gpus[at] for at in self._held[key])}

    def _pick(self) -> tuple[int, ...]:
        ranked = sorted(
            range(len(self._gpus)), key=lambda at: (self._users[at], self._assigned[at], at)
        )
        picked = tuple(sorted(ranked[: self._per_trial]))
        for at in picked:
            self._users[at] += 1
            self._assigned[at] += 1
        return picked

    def release(self, key: Hashable) -> None:
        """Take a trial's GPUs back. A key that has none: nothing."""
        for at in self._held.pop(key, ()):
            self._users[at] -= 1
