"""A platform whose jobs are processes of this machine: the real entry point in a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.backends.sagemaker.platform import BusyError, JobState, Phase

_GRACE_S = 1.0


class ProcessPlatform:
    """Runs each job in a folder of its own; several back-ends may use one."""

    def __init__(self, folder: Path, script: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._script, self._environment = folder, script, environment
        self._jobs: dict[AttemptKey, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self.quota = 100
        self.created: list[AttemptKey] = []

    def create(self, spec: AttemptSpec, orders_url: str) -> None:
        with self._lock:
            if spec.key in self._jobs:
                return
            if self.running() >= self.quota:
                raise BusyError("ResourceLimitExceeded")
            self.created.append(spec.key)
            self._jobs[spec.key] = self._start(spec.key, orders_url)

    def _start(self, key: AttemptKey, orders_url: str) -> subprocess.Popen[bytes]:
        root = self._folder / f"{key.trial_id}-{key.number}"
        channel, config = root / "input" / "data" / "code", root / "input" / "config"
        for folder in (channel, config):
            folder.mkdir(parents=True)
        with tarfile.open(channel / "source.tar.gz", "w:gz") as tar:
            tar.add(self._script, "train.py")
        told = {"sagemaker_program": '"train.py"'}
        (config / "hyperparameters.json").write_text(json.dumps(told))
        own = {"SYNEBENCH_CONTAINER_ROOT": str(root), "SYNEBENCH_JOB": orders_url}
        return subprocess.Popen(
            [sys.executable, "-m", "pytest_synebench.training.entrypoint"],
            env={**os.environ, **self._environment, **own},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, key: AttemptKey) -> bool:
        process = self._jobs.get(key)
        if process is None:
            return False
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            timer = threading.Timer(_GRACE_S, process.kill)
            timer.daemon = True
            timer.start()
        return True

    def states(self, keys: Iterable[AttemptKey]) -> Mapping[AttemptKey, JobState]:
        out = {}
        for key in keys:
            code = self._jobs[key].poll()
            phase = Phase.PLACED if code is None else Phase.ENDED
            out[key] = JobState(phase=phase, ok=code == 0, detail=f"exit code {code}")
        return out

    def unfinished(self) -> list[AttemptKey]:
        return [key for key, process in self._jobs.items() if process.poll() is None]

    def running(self) -> int:
        return len(self.unfinished())

    def kill(self, key: AttemptKey) -> None:
        """Take a job's machine away."""
        self._jobs[key].kill()
        self._jobs[key].wait()
