"""What the platform promises a container, and what it expects of one.

Files below ``/opt/ml``, variables named ``SM_``, arguments from hyperparameters, a text of failure:
as the ``sagemaker-training`` toolkit has them, so that a script need not know which of the two runs
it (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html).

Invariants (tests/training/entrypoint/test_contract.py holds each one):
- a hyperparameter reaches the script as it was typed, whatever quotes the sender put around it;
- a file of the platform's that is missing or broken is no error: its part is empty;
- the text of a failure is bounded, and its last lines survive;
- a text that a script has written itself is kept as it is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ROOT = "/opt/ml"
OWN = "sagemaker_"  #: hyperparameters that begin so are the platform's own
CHANNEL = "code"  #: the input channel that brings the code
PROGRAM = "sagemaker_program"
MOST_FAILURE_CHARS = 1024


class Contract:
    """The places and the words of one container."""

    def __init__(self, root: str | Path = ROOT) -> None:
        self.root = Path(root)
        self.code = self.root / "code"
        self.model = self.root / "model"
        self.output = self.root / "output"
        self.data = self.root / "input" / "data"
        config = self.root / "input" / "config"
        self.hyperparameters = _decoded(_read(config / "hyperparameters.json"))
        self._resources = _read(config / "resourceconfig.json")
        self._channels = _read(config / "inputdataconfig.json")

    def variables(self) -> dict[str, str]:
        """Return the variables that a script finds."""
        own = {k: v for k, v in self.hyperparameters.items() if not k.startswith(OWN)}
        program = str(self.hyperparameters.get(PROGRAM, ""))
        host = str(self._resources.get("current_host", "algo-1"))
        hosts = self._resources.get("hosts", [host])
        out = {
            "SM_MODEL_DIR": str(self.model),
            "SM_OUTPUT_DIR": str(self.output),
            "SM_OUTPUT_DATA_DIR": str(self.output / "data"),
            "SM_OUTPUT_INTERMEDIATE_DIR": str(self.output / "intermediate"),
            "SM_INPUT_DIR": str(self.root / "input"),
            "SM_INPUT_CONFIG_DIR": str(self.root / "input" / "config"),
            "SM_CURRENT_HOST": host,
            "SM_HOSTS": json.dumps(hosts),
            "SM_NUM_CPUS": str(os.cpu_count() or 1),
            "SM_NUM_GPUS": str(_gpus()),
            "SM_HPS": json.dumps(own),
            "SM_USER_ARGS": json.dumps(arguments(own)),
            "SM_CHANNELS": json.dumps(sorted(self._channels)),
            "SM_MODULE_DIR": str(self.code),
            "SM_MODULE_NAME": program.removesuffix(".py"),
            "SM_USER_ENTRY_POINT": program,
            "SM_LOG_LEVEL": "20",
            "SM_RESOURCE_CONFIG": json.dumps(self._resources),
            "SM_INPUT_DATA_CONFIG": json.dumps(self._channels),
            **_machines(self._resources),
        }
        for name in self._channels:
            out[f"SM_CHANNEL_{name.upper()}"] = str(self.data / name)
        for name, value in own.items():
            text = value if isinstance(value, str) else json.dumps(value)
            # The toolkit keeps a dash, the drivers of the SDK replace it.
            out[f"SM_HP_{name.upper()}"] = out[f"SM_HP_{name.upper().replace('-', '_')}"] = text
        return out

    def arguments(self) -> list[str]:
        """Return the script's arguments, as the hyperparameters say."""
        own = {k: v for k, v in self.hyperparameters.items() if not k.startswith(OWN)}
        return arguments(own)

    def fail(self, text: str) -> None:
        """Tell the platform why the job failed, unless the script has told it."""
        path = self.output / "failure"
        if path.exists() and path.stat().st_size:
            return
        self.output.mkdir(parents=True, exist_ok=True)
        if len(text) > MOST_FAILURE_CHARS:
            half = MOST_FAILURE_CHARS // 4
            text = f"{text[:half]}\n…\n{text[len(text) - (MOST_FAILURE_CHARS - half - 3) :]}"
        path.write_text(text, encoding="utf-8")


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return ``--name value`` for each, in the order of their names.

    >>> arguments({"lr": 0.1, "model": "lstm", "x": None})
    ['--lr', '0.1', '--model', 'lstm']
    """
    out: list[str] = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if value is None:
            continue
        dash = "-" if len(name) == 1 else "--"
        out += [f"{dash}{name}", value if isinstance(value, str) else _text(value)]
    return out


def _machines(resources: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that say on what a job runs; what is not told is left as it was."""
    groups = resources.get("instance_groups") or []
    own = str(resources.get("current_group_name", "homogeneousCluster"))
    out = {
        "SM_NETWORK_INTERFACE_NAME": str(resources.get("network_interface_name", "eth0")),
        "SM_CURRENT_INSTANCE_GROUP": own,
        "SM_INSTANCE_GROUPS": json.dumps([one["instance_group_name"] for one in groups]),
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": json.dumps(
            [host for one in groups if one["instance_group_name"] == own for host in one["hosts"]]
        ),
        "SM_INSTANCE_GROUPS_DICT": json.dumps({one["instance_group_name"]: one for one in groups}),
        "SM_IS_HETERO": json.dumps(len(groups) > 1),
    }
    if "current_instance_type" in resources:
        out["SM_CURRENT_INSTANCE_TYPE"] = str(resources["current_instance_type"])
    return out


def _text(value: object) -> str:
    return str(value) if isinstance(value, bool | int | float) else json.dumps(value)


def _decoded(told: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the JSON that senders may put into each value, which the platform keeps as text."""
    out = {}
    for name, value in told.items():
        try:
            out[name] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            out[name] = value
    return out


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _gpus() -> int:
    try:
        return sum(name.startswith("nvidia") and name[6:].isdigit() for name in os.listdir("/dev"))
    except OSError:
        return 0
