"""What a reader needs to know of the machine and of the versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import environments

_TOLD = {
    "syne_tune_016": ("syne-tune", "torch", "numpy", "pandas"),
    "syne_tune_013": ("syne-tune", "torch", "numpy", "pandas"),
    "optuna_subprocess": ("optuna", "torch", "numpy"),
    "ray_tune": ("ray", "numpy", "pandas", "pyarrow"),
    "ray_tune_torch": ("ray", "torch"),
}
_OURS = ("pytest-synebench", "pytest", "numpy", "scipy", "torch")


def facts(made: Path, names: list[str]) -> dict[str, Any]:
    """Return machine, date and versions."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": {
            "processor": _processor(),
            "processors": len(os.sched_getaffinity(0)),
            "memory_gib": round(memory),
            "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
            "python": platform.python_version(),
        },
        "versions": {"pytest-synebench": _ours(), **_theirs(made, names)},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _ours() -> dict[str, str]:
    found = {}
    for name in _OURS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _theirs(made: Path, names: list[str]) -> dict[str, dict[str, str]]:
    out = {}
    for name in names:
        if environments.ready(made, name):
            all_of_it = {
                key.lower().replace("_", "-"): value
                for key, value in environments.versions(made, name).items()
            }
            out[name] = {key: all_of_it[key] for key in _TOLD[name] if key in all_of_it}
    return out
