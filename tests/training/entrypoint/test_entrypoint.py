"""Process 1 of a container: real processes, in a folder in place of ``/opt/ml``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from remote_jobs import arrived, fields, levels, orders, put_orders, write_script
from s3_service import Service

pytest_plugins = ("buckets",)

ENTRYPOINT = "pytest_synebench.training.entrypoint"


class Container:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.code = root / "given"
        self.code.mkdir(parents=True)
        self.environment: dict[str, str] = {}
        self.hyperparameters: dict[str, Any] = {"sagemaker_program": "train.py"}

    def start(self) -> subprocess.Popen[str]:
        channel = self.root / "input" / "data" / "code"
        config = self.root / "input" / "config"
        for folder in (channel, config):
            folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(channel / "source.tar.gz", "w:gz") as tar:
            tar.add(self.code, ".")
        told = {name: json.dumps(value) for name, value in self.hyperparameters.items()}
        (config / "hyperparameters.json").write_text(json.dumps(told))
        return subprocess.Popen(
            [sys.executable, "-m", ENTRYPOINT],
            env={**os.environ, "SYNEBENCH_CONTAINER_ROOT": str(self.root), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> tuple[int, str, str]:
        (self.code / "train.py").write_text(script)
        process = self.start()
        out, _ = process.communicate()
        return process.returncode, out, self.failure

    @property
    def failure(self) -> str:
        file = self.root / "output" / "failure"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path / "ml")


def test_a_script_gets_its_arguments_and_variables(container: Container) -> None:
    container.hyperparameters |= {"lr": 0.1, "model": "lstm"}
    script = "import os, sys; print(sys.argv[1:], os.environ['SM_MODEL_DIR'], os.getcwd())"
    code, out, failure = container.run(script)
    expected = f"['--lr', '0.1', '--model', 'lstm'] {container.root}/model {container.root}/code\n"
    assert (code, out, failure) == (0, expected, "")


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("raise ValueError('no such layer')", 1, "exit code 1\n*ValueError: no such layer"),
        ("import sys; sys.exit(3)", 3, "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", 137, "signal 9 (SIGKILL)"),
        ("import os; os.abort()", 134, "signal 6 (SIGABRT)*"),
    ],
)
def test_how_a_script_failed_is_told(
    container: Container, script: str, code: int, told: str
) -> None:
    found, _, failure = container.run(script)
    assert found == code
    first, _, rest = told.partition("*")
    assert failure.startswith(first.strip())
    assert failure.endswith(rest)


@pytest.mark.parametrize(
    ("hyperparameters", "told"),
    [({}, "no hyperparameter 'sagemaker_program'"), ({"sagemaker_program": "x.py"}, "no 'x.py'")],
)
def test_a_job_without_a_script_is_refused(
    container: Container, hyperparameters: dict[str, Any], told: str
) -> None:
    container.hyperparameters = hyperparameters
    code, _, failure = container.run("print('ran')")
    assert code == 1
    assert told in failure


def test_what_cannot_be_installed_ends_the_job_before_the_script(container: Container) -> None:
    (container.code / "dependencies.txt").write_text("/no-such-package\n")
    (container.code / "requirements.txt").write_text("")
    code, out, failure = container.run("print('ran')")
    assert code == 1
    assert "dependencies.txt could not be installed" in failure
    assert "ran" not in out


@pytest.mark.parametrize("handler", ["clean", "none"])
def test_a_request_to_end_reaches_the_script(container: Container, handler: str) -> None:
    begin = "import signal, sys\n"
    if handler == "clean":
        begin += "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
    (container.code / "train.py").write_text(f"{begin}print('up', flush=True)\nsignal.pause()\n")
    process = container.start()
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert out == ("saved\n" if handler == "clean" else "")
    assert process.returncode == (0 if handler == "clean" else 128 + signal.SIGTERM)


def test_a_request_to_end_while_dependencies_are_installed_ends_the_job(
    container: Container, tmp_path: Path
) -> None:
    pip = tmp_path / "path" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text("import os, signal; os.kill(os.getppid(), signal.SIGTERM)")
    container.environment = {"PYTHONPATH": str(pip.parent)}
    (container.code / "dependencies.txt").write_text("torch\n")
    code, out, _ = container.run("print('ran')")
    assert (code, out) == (128 + signal.SIGTERM, "")


def test_an_attempt_runs_by_its_orders(
    container: Container, client: Any, bucket: str, service: Service
) -> None:
    told = orders(arguments=["--epochs", "2"], config={"epochs": 2})
    url = put_orders(client, bucket, told)
    container.environment = {**service.environment, "SYNEBENCH_JOB": url}
    write_script(container.code)
    process = container.start()
    _, errors = process.communicate()
    assert (process.returncode, errors, container.failure) == (0, "", "")
    said = arrived(client, bucket, told)
    assert levels(said) == [1, 2]
    assert fields(said, "kept")[-1]["level"] == 2


def test_a_request_to_end_reaches_an_attempt(
    container: Container, client: Any, bucket: str, service: Service
) -> None:
    told = orders(arguments=["--epochs", "3", "--mode", "wait at 2"])
    container.environment = {
        **service.environment,
        "SYNEBENCH_JOB": put_orders(client, bucket, told),
    }
    write_script(container.code)
    process = container.start()
    while 2 not in levels(arrived(client, bucket, told)):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert container.failure.startswith("signal 15 (SIGTERM)")
    assert arrived(client, bucket, told)[-1].kind == "ended"


def test_a_fault_of_ours_is_told_too(container: Container, tmp_path: Path) -> None:
    broken = tmp_path / "path" / "boto3"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('no boto3 of this age')\n")
    environment = {"PYTHONPATH": str(broken.parent), "SYNEBENCH_JOB": "s3://team/orders.json"}
    container.environment = environment
    code, out, failure = container.run("print('ran')")
    assert (code, out) == (1, "")
    assert failure == "RuntimeError: no boto3 of this age"


def test_orders_that_are_gone_fail_the_job(
    container: Container, bucket: str, service: Service
) -> None:
    url = f"s3://{bucket}/none/orders.json"
    container.environment = {**service.environment, "SYNEBENCH_JOB": url}
    code, out, failure = container.run("print('ran')")
    assert (code, out) == (1, "")
    assert "orders were removed" in failure
