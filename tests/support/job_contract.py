"""What an entry point of a training job keeps, whoever wrote it: rules, as jobs of the emulator.

An entry point subclasses ``JobContract``, says how a job starts by it, and lists by name the rules
that it is known to break. A rule that is listed and kept is a failure too: the list is exact.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from training_jobs import BUCKET, body, prepare, request

from pytest_synebench.backends.sagemaker.layout import ENTRY
from pytest_synebench.backends.sagemaker.packing import pack
from pytest_synebench.backends.sagemaker.travelling import ENTRY as ENTRY_FILE
from pytest_synebench.backends.sagemaker.travelling import travelling
from pytest_synebench.emulator import Emulator
from pytest_synebench.training.entrypoint.entry import ARCHIVE

#: Prints, on one line, all that a script finds.
TELLS = """
import json, os, sys
from pathlib import Path
told = {
    "argv": sys.argv[1:],
    "cwd": os.getcwd(),
    "variables": {k: v for k, v in os.environ.items() if k.startswith("SM_")},
    "sent": json.loads(Path("/opt/ml/input/config/hyperparameters.json").read_text()),
    "data": sorted(path.name for path in Path("/opt/ml/input/data/train").iterdir()),
}
print("TOLD " + json.dumps(told), flush=True)
"""
#: Says that it is up, then waits; what comes after SIGTERM is the test's.
_WAITS = """
import os, signal, sys, time
from pathlib import Path
{handler}
print("it is up", flush=True)
while True:
    time.sleep(0.01)
"""
_SAVES = """
def stop(*_):
    Path("/opt/ml/model/last.txt").write_text("saved")
    print("it has saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
"""
_IGNORES = "signal.signal(signal.SIGTERM, lambda *_: print('it was asked', flush=True))"
#: What keeps pip off the network, and off the interpreter that the job runs with.
PIP = {
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_TARGET": "/opt/ml/installed",
    "PYTHONPATH": "/opt/ml/installed",
}
_PATIENCE_S = 180.0  #: of the machine, which may be busy; nothing waits that long where it works
PLACES = {
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_OUTPUT_DIR": "/opt/ml/output",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_INPUT_DIR": "/opt/ml/input",
    "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
    "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
    "SM_CURRENT_HOST": "algo-1",
    "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
    "SM_NETWORK_INTERFACE_NAME": "lo",
    "SM_USER_ENTRY_POINT": "train.py",
    "SM_MODULE_NAME": "train",
}


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a job starts by an entry point."""

    entrypoint: Sequence[str]
    hyperparameters: Mapping[str, str]  #: that the entry point wants, beside the script's
    channels: Sequence[str] = ()  #: names; each is ``s3://BUCKET/<name>/``
    files: Mapping[str, bytes] = field(default_factory=dict)  #: of the bucket, by their keys


def ours(folder: Path) -> Start:
    """Return how a job starts by our entry point, as the back-end has it."""
    archive = pack(folder, travelling()).archive
    return Start(
        entrypoint=["python3", f"/opt/ml/input/data/code/{ENTRY}"],
        hyperparameters={"sagemaker_program": "train.py"},
        channels=["code"],
        files={f"code/{ARCHIVE}": archive, f"code/{ENTRY}": ENTRY_FILE.read_bytes()},
    )


class Job:
    """One job; its script is ``train.py``."""

    def __init__(self, emulator: Emulator, folder: Path, contract: JobContract) -> None:
        self.emulator = emulator
        self._folder = folder / "code"
        self._folder.mkdir()
        self._contract = contract

    def begin(
        self,
        script: str,
        *,
        files: Mapping[str, bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        sent: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        """Create the job.

        Args:
            script: its text.
            files: beside the script, by their names.
            environment: of the request.
            sent: hyperparameters, as they stand in the request.
            more: hyperparameters too.
        """
        for name, content in {"train.py": script.encode(), **(files or {})}.items():
            (self._folder / name).write_bytes(content)
        start = self._contract.start(self._folder)
        client = self.emulator.client("s3")
        data = {"train/a.txt": b"1", "train/b.txt": b"2"}
        for key, content in {**start.files, **data}.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content)
        told = request("a", Environment=dict(environment or {}))
        told["HyperParameters"] = {**start.hyperparameters, **(sent or {}), **more}
        told["AlgorithmSpecification"]["ContainerEntrypoint"] = list(start.entrypoint)
        told["InputDataConfig"] = [channel(name) for name in (*start.channels, "train")]
        self.emulator.client("sagemaker").create_training_job(**told)

    def ends(self, state: str) -> dict[str, Any]:
        """Wait until it has ended like this; return how it is described."""
        return self.emulator.wait("a", state, timeout_s=_PATIENCE_S)

    def ends_when_asked(self) -> None:
        """Wait until it has stopped, of its own accord."""
        self.emulator.wait("a", "Stopped", timeout_s=self._contract.patience_s)

    def stop_once_up(self) -> None:
        """Stop it when its script has said that it is up."""
        self.emulator.wait_for_line("a", "it is up")
        self.emulator.client("sagemaker").stop_training_job(TrainingJobName="a")

    @property
    def lines(self) -> str:
        """Return what it has printed."""
        return "\n".join(self.emulator.lines("a"))

    @property
    def told(self) -> dict[str, Any]:
        """Return what the script has found."""
        (line,) = [one for one in self.emulator.lines("a") if "TOLD " in one]
        found: dict[str, Any] = json.loads(line.partition("TOLD ")[2])
        return found

    def model(self) -> dict[str, bytes]:
        """Return the files of the model that it left."""
        found = {}
        archive = body(self.emulator, "output/a/output/model.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar.getmembers():
                if member.isfile():
                    found[Path(member.name).name] = tar.extractfile(member).read()  # type: ignore[union-attr] # a file
        return found


def channel(name: str) -> dict[str, Any]:
    """Return a channel of the bucket."""
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{BUCKET}/{name}/",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def wheel() -> bytes:
    """Return a package, ``tiny``, which pip installs without a network."""
    files = {
        "tiny.py": "NAME = 'tiny it is'\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{name},{_digest(text)},{len(text)}\n" for name, text in files.items())
    files["tiny-1.0.dist-info/RECORD"] = f"{record}tiny-1.0.dist-info/RECORD,,\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


class JobContract:
    """The rules."""

    #: rules that this entry point is known to break, by the names of their tests, and why
    differs: ClassVar[Mapping[str, str]] = {}
    #: how long a stop is waited for, in seconds of the machine
    patience_s: ClassVar[float] = _PATIENCE_S

    def start(self, folder: Path) -> Start:
        """Return how a job starts whose code is in a folder."""
        raise NotImplementedError

    @pytest.fixture
    def job(
        self, sagemaker_emulator: Emulator, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Job:
        why = self.differs.get(request.function.__name__)
        if why is not None:
            request.applymarker(pytest.mark.xfail(reason=f"known difference: {why}", strict=True))
        prepare(sagemaker_emulator)
        return Job(sagemaker_emulator, tmp_path, self)

    def test_known_differences_are_rules(self) -> None:
        assert all(hasattr(self, name) for name in self.differs)

    # -- what a script finds ---------------------------------------------------------------------

    def test_hyperparameters_are_arguments_by_name(self, job: Job) -> None:
        told = {"lr": "0.1", "model": '"lstm"', "b": "true", "tied": "false", "layers": "3"}
        job.begin(TELLS, sent=told)
        job.ends("Completed")
        first, second = ["-b", "True", "--layers", "3"], ["--lr", "0.1", "--model", "lstm"]
        assert job.told["argv"] == [*first, *second, "--tied", "False"]

    def test_text_that_is_no_json_is_passed_as_it_is(self, job: Job) -> None:
        job.begin(TELLS, model="lstm", text="a b 'c'")
        job.ends("Completed")
        assert job.told["argv"] == ["--model", "lstm", "--text", "a b 'c'"]

    def test_a_null_is_no_argument(self, job: Job) -> None:
        job.begin(TELLS, lr="0.1", model="null")
        job.ends("Completed")
        assert job.told["argv"] == ["--lr", "0.1"]

    def test_lists_and_mappings_are_json(self, job: Job) -> None:
        job.begin(TELLS, layers='["a", "b"]', more='{"k": 1}')
        job.ends("Completed")
        assert job.told["argv"] == ["--layers", '["a", "b"]', "--more", '{"k": 1}']

    def test_hyperparameters_are_variables(self, job: Job) -> None:
        told = {"lr": "0.1", "model": '"lstm"', "tied": "true", "batch-size": "8"}
        job.begin(TELLS, sent=told)
        job.ends("Completed")
        found = job.told["variables"]
        typed = {"lr": 0.1, "model": "lstm", "tied": True, "batch-size": 8}
        assert json.loads(found["SM_HPS"]) == typed
        expected = {"SM_HP_LR": "0.1", "SM_HP_MODEL": "lstm", "SM_HP_TIED": "true"}
        assert expected.items() <= found.items()
        assert found["SM_HP_BATCH-SIZE"] == "8"
        assert json.loads(found["SM_USER_ARGS"]) == job.told["argv"]

    def test_places_and_machines_are_variables(self, job: Job) -> None:
        job.begin(TELLS)
        job.ends("Completed")
        found = job.told["variables"]
        assert {name: found.get(name) for name in PLACES} == PLACES
        assert json.loads(found["SM_HOSTS"]) == ["algo-1"]
        assert "train" in json.loads(found["SM_CHANNELS"])
        assert int(found["SM_NUM_CPUS"]) >= 1
        assert int(found["SM_NUM_GPUS"]) >= 0
        assert json.loads(found["SM_RESOURCE_CONFIG"])["current_host"] == "algo-1"
        assert "train" in json.loads(found["SM_INPUT_DATA_CONFIG"])

    def test_the_files_of_the_platform_are_as_they_were_sent(self, job: Job) -> None:
        job.begin(TELLS, lr="0.1", model='"lstm"')
        job.ends("Completed")
        assert {"lr": "0.1", "model": '"lstm"'}.items() <= job.told["sent"].items()
        assert job.told["data"] == ["a.txt", "b.txt"]

    def test_a_script_runs_among_its_own_files(self, job: Job) -> None:
        script = "import beside\nprint(open('words.txt').read() + beside.MORE)"
        job.begin(script, files={"beside.py": b"MORE = 'more'", "words.txt": b"words and "})
        job.ends("Completed")
        assert "words and more" in job.lines

    def test_a_job_has_the_environment_of_its_request(self, job: Job) -> None:
        job.begin("import os; print('it is', os.environ['COLOUR'])", environment={"COLOUR": "red"})
        job.ends("Completed")
        assert "it is red" in job.lines

    # -- what it needs ---------------------------------------------------------------------------

    def test_requirements_are_installed_before_the_script_starts(self, job: Job) -> None:
        files = {"requirements.txt": b"/opt/ml/code/tiny-1.0-py3-none-any.whl\n"}
        files["tiny-1.0-py3-none-any.whl"] = wheel()
        job.begin("import tiny; print(tiny.NAME)", files=files, environment=PIP)
        job.ends("Completed")
        assert "tiny it is" in job.lines

    def test_what_cannot_be_installed_fails_the_job_before_its_script(self, job: Job) -> None:
        files = {"requirements.txt": b"/opt/ml/code/none.whl\n"}
        job.begin("print('it ran')", files=files, environment=PIP)
        assert "requirements" in job.ends("Failed")["FailureReason"].lower()
        assert "it ran" not in job.lines

    # -- how it ends -----------------------------------------------------------------------------

    def test_what_is_in_the_model_folder_is_the_model(self, job: Job) -> None:
        job.begin("open('/opt/ml/model/weights.txt', 'w').write('7')")
        described = job.ends("Completed")
        assert described["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")
        assert "FailureReason" not in described
        assert job.model() == {"weights.txt": b"7"}

    def test_an_exit_code_is_the_jobs(self, job: Job) -> None:
        job.begin("import sys; sys.exit(3)")
        assert job.ends("Failed")["FailureReason"].endswith("exit code: 3")

    def test_a_signal_is_told_as_a_shell_does(self, job: Job) -> None:
        job.begin("import os; os.kill(os.getpid(), 9)")
        assert job.ends("Failed")["FailureReason"].endswith("exit code: 137")

    def test_the_last_words_of_a_failure_are_told(self, job: Job) -> None:
        job.begin("raise ValueError('no such layer')")
        reason = job.ends("Failed")["FailureReason"]
        assert "no such layer" in reason
        assert reason.endswith("exit code: 1")

    def test_a_failure_that_a_script_tells_itself_is_kept(self, job: Job) -> None:
        job.begin(
            "open('/opt/ml/output/failure', 'w').write('out of data')\nraise ValueError('later')"
        )
        reason = job.ends("Failed")["FailureReason"]
        assert reason == "AlgorithmError: out of data, exit code: 1"

    def test_a_job_without_its_script_fails(self, job: Job) -> None:
        job.begin("print('it ran')", sagemaker_program='"other.py"')
        job.ends("Failed")
        assert "it ran" not in job.lines

    # -- how it is stopped: the emulator's clock stands still, so all of this is within the grace --

    def test_a_handler_stops_the_script_cleanly_within_the_grace(self, job: Job) -> None:
        job.begin(_WAITS.format(handler=_SAVES))
        job.stop_once_up()
        job.ends_when_asked()
        assert "it has saved" in job.lines
        assert job.model() == {"last.txt": b"saved"}

    def test_a_script_without_a_handler_ends_at_once(self, job: Job) -> None:
        job.begin(_WAITS.format(handler=""))
        job.stop_once_up()
        job.ends_when_asked()

    def test_what_ignores_the_request_is_killed_after_the_grace(self, job: Job) -> None:
        job.begin(_WAITS.format(handler=_IGNORES))
        job.stop_once_up()
        job.emulator.wait("a", "Stopping")
        job.emulator.advance(120)
        job.ends("Stopped")
