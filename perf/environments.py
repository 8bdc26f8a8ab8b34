"""Environments of the systems we are measured beside: one venv each, made once and kept.

``python perf/environments.py --environments DIR`` makes what is missing; a marker file with the
requirements in it says that an environment is whole, so an interrupted installation is repeated and
a changed list is installed anew.

A peer's training scripts run under the same interpreter as the peer. Ray has a second environment
without torch: where torch is installed, Ray imports it in every worker.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"
_MARKER = "requirements.json"

# Syne Tune 0.16 asks for xgboost, whose wheel brings 470 MB of NCCL; none of this runs on a GPU.
# Its simulator imports huggingface_hub, h5py and fastparquet, which it does not ask for.
_SYNE_TUNE_016 = (
    "dill==0.4.1 numpy==2.4.6 pandas==3.1.1 psutil==7.2.2 scikit-learn==1.9.1 scipy==1.17.1 "
    "sortedcontainers==2.4.0 statsmodels==0.15.0 tqdm typing_extensions xgboost-cpu torch "
    "huggingface_hub h5py fastparquet"
)

#: Name of an environment to the pip installations that make it, in order.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "syne_tune_016": ("--no-deps syne-tune==0.16.0", _SYNE_TUNE_016),
    "syne_tune_013": (
        "syne-tune==0.13.0 numpy==1.26.4 psutil==7.2.2 scikit-learn xgboost-cpu torch",
    ),
    "optuna_subprocess": ("optuna==5.0.0 torch",),
    "ray_tune": ("ray[tune]==2.60.0",),
    "ray_tune_torch": ("ray[tune]==2.60.0 torch",),
}


def interpreter(environments: Path, name: str) -> Path:
    """Return the interpreter of an environment, whether it exists or not."""
    return environments / name / "bin" / "python"


def ready(environments: Path, name: str) -> bool:
    """Whether an environment is whole and has what is asked for today."""
    try:
        made = json.loads((environments / name / _MARKER).read_text())
    except (OSError, ValueError):
        return False
    return bool(made == list(ENVIRONMENTS[name]))


def make(environments: Path, name: str) -> None:
    """Make one environment from scratch.

    Raises:
        CalledProcessError: pip could not install it; what it said is on stderr.
    """
    folder = environments / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    for requirements in ENVIRONMENTS[name]:
        command = [str(interpreter(environments, name)), "-m", "pip", "install", "--quiet"]
        command += ["-c", str(CONSTRAINTS), *requirements.split()]
        subprocess.run(command, check=True)
    (folder / _MARKER).write_text(json.dumps(ENVIRONMENTS[name]))


def ensure(environments: Path, names: Sequence[str]) -> dict[str, str]:
    """Make what is missing; return name to reason for what could not be made."""
    failed = {}
    for name in names:
        if ready(environments, name):
            continue
        print(f"making the environment {name} ...", flush=True)
        try:
            make(environments, name)
        except (OSError, subprocess.CalledProcessError) as error:
            failed[name] = f"its environment could not be made: {error}"
    return failed


def versions(environments: Path, name: str) -> dict[str, str]:
    """Return the distributions of an environment by name."""
    command = [str(interpreter(environments, name)), "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {entry["name"]: entry["version"] for entry in json.loads(listed)}


def main() -> int:
    """Make the environments; exit code 1 if one could not be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("names", nargs="*", default=list(ENVIRONMENTS))
    args = parser.parse_args()
    failed = ensure(args.environments.resolve(), args.names)
    for name, reason in failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
