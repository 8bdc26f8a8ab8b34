"""Where measurements are made: environments, a folder of work, and how a driver is run."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import environments
import meter
import scripts

HERE = Path(__file__).resolve().parent
_RUNS = "runs"
#: They would change what is measured: unbuffered output tears a peer's lines, and without bytecode
#: files every import is a compilation.
_NOT_INHERITED = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "CI"}


class MeasurementError(Exception):
    """A measurement failed; the text says why."""


@dataclass
class Bench:
    """One run of measurements."""

    environments_in: Path
    work: Path
    quick: bool = False
    repeat: int = 0  #: which one is being made
    seen: list[dict[str, Any]] = field(default_factory=list)  #: load of each process measured
    _fresh: int = 0  #: folders given out by ``fresh``

    def __enter__(self) -> Self:
        """Begin with no folders of earlier measurements."""
        shutil.rmtree(self.work / _RUNS, ignore_errors=True)
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove what was measured in."""
        shutil.rmtree(self.work / _RUNS, ignore_errors=True)

    def measure(
        self, command: Sequence[str], *, cwd: Path, timeout_s: float = 600
    ) -> dict[str, Any]:
        """Run a command; return what the meter says.

        Raises:
            MeasurementError: it failed, or ran out of time.
        """
        inherited = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        env = inherited | {"OMP_NUM_THREADS": "1", "SYNETUNE_FOLDER": str(cwd)}
        out = meter.measure(command, timeout_s, cwd=cwd, env=env)
        said = out.pop("said")
        if out["exit"] != 0:
            how = f"exit code {out['exit']}"
            if out["exit"] is None:
                how = f"not done after {timeout_s:.0f} s"
            raise MeasurementError(f"{how}: {' '.join(said[-300:].split())}")
        self.seen.append({"load": out["load"], "others": out["others"]})
        return out

    def folder(self, name: str) -> Path:
        """Return an empty folder."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def fresh(self) -> Path:
        """Return a new folder, which stays until the end.

        Removed at once it would slow the next measurement down: ext4 looks for a minute or more
        at each file that was removed before it makes a new one in its place.
        """
        self._fresh += 1
        return self.folder(f"{_RUNS}/{self._fresh}")

    def python(self, environment: str) -> str:
        """Return the interpreter of an environment; "" is our own.

        Raises:
            MeasurementError: there is no such environment.
        """
        if not environment:
            return sys.executable
        if not environments.ready(self.environments_in, environment):
            raise MeasurementError(f"the environment {environment} is not there")
        return str(environments.interpreter(self.environments_in, environment))

    def drive(
        self, driver: str, environment: str, dialect: str, *, torch: int = 0, **options: object
    ) -> dict[str, Any]:
        """Run a driver on the script of a dialect; return its outcome with the meter's.

        Raises:
            MeasurementError: it failed.
        """
        folder = self.fresh()
        script = scripts.write(folder, dialect, torch=bool(torch))
        out = folder / "outcome.json"
        given = {"out": out, "work": folder, "script": script, "torch": torch, **options}
        command = [self.python(environment), str(HERE / driver)]
        command += [text for key, value in given.items() for text in (f"--{key}", str(value))]
        metered = self.measure(command, cwd=folder)
        told = json.loads(out.read_text())
        return {"tree_cpu_s": metered["cpu_s"], "command_s": metered["wall_s"], **told}


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return a quantile, by the nearest value from below.

    >>> quantile([3, 1, 2], 0.5)
    2
    """
    return sorted(values)[int(fraction * (len(values) - 1))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
