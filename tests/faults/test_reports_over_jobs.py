"""What scripts have reported is what the scheduler saw, whatever becomes of their jobs.

A script asks for its own misfortune: once it has reported a level that has one, it waits to be hit,
and says so. So each is met for certain, just when a report is on its way. The mixed case has all of
them, a third of all requests failing, and a controller that is interrupted and resumed.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_project import CONFTEST, SCRIPT, journal_lines, run_pytest, start_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from botocore.config import Config
from remote_project import account

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.handle import EmulatorError
from pytest_synebench.experiment.store.results import load_runs

Seen = set[tuple[int, int, float]]  #: trial, level, loss

RUN = (
    *("--synebench", "toy", "--num_trials", "3", "--deterministic", "1", "--spot", "1", "-q"),
    *("--max_retries", "20", "--grace_period", "3", "--checkpointing", "every"),
)
JOBS = ("--backend", "sagemaker", "--aws", "emulator")
WAITS = """
    number = int(os.environ.get("TRAINING_JOB_NAME", "x-0-0").split("-")[-2])
    place = args.told
    def say(where, level):
        told = f"{number} {level} {state['loss']!r}\\n".encode()
        fd = os.open(os.path.join(place, where), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, told)
        os.close(fd)
    say("said", epoch)
    try:
        report(epoch=epoch, loss=state["loss"])
    finally:
        say("acknowledged", epoch)
    fates = json.load(open(os.path.join(place, "fates.json"))).get(str(epoch), ())
    met = os.path.join(place, f"met-{number}-{epoch}")
    if fates and not os.path.exists(met):
        with open(met + ".tmp", "w") as file:
            json.dump([fates[number % len(fates)], os.environ["TRAINING_JOB_NAME"]], file)
        os.rename(met + ".tmp", met)
        while True:
            signal.sigtimedwait([], 1)
"""
REPORT = '\n    report(epoch=epoch, loss=state["loss"])\n'
#: What befalls a trial that has reported a level, the next trial by the next word.
SINGLE = {fate: {"1": [fate], "2": [fate], "5": [fate]} for fate in ("reclaim", "kill", "stop")}
MIXED = {"1": ["reclaim", "kill", "stop"], "4": ["kill"], "5": ["reclaim"], "7": ["stop"]}


def rule(kind: str, share: float, operation: str = "*") -> dict[str, Any]:
    return {"kind": kind, "operation": operation, "share": share, "times": None}


PATIENT = Config(retries={"total_max_attempts": 20, "mode": "standard"})
PROOF = pytest.mark.proof
LONG_S = 900.0  #: of a machine that does much else
THIRD = [rule(kind, 0.1) for kind in ("throttle", "unavailable", "drop before", "drop after")]
FAULTS = {
    "throttle": [rule("throttle", 0.5)],
    "503": [rule("unavailable", 0.5)],
    "lag": [rule("lag", 0.5), rule("stale", 0.5)],
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with account(grace_s=10.0) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(emulator: Emulator) -> Iterator[None]:
    yield
    emulator.faults()


class Project:
    """A project whose trials say what they report, and wait for what is to befall them."""

    def __init__(self, folder: Path, fates: dict[str, list[str]]) -> None:
        self.folder, self.told = folder / "project", folder / "told"
        self.folder.mkdir(parents=True)
        self.told.mkdir()
        assert REPORT in SCRIPT
        work = 'parser.add_argument("--work"'
        script = SCRIPT.replace(REPORT, WAITS).replace("import argparse", "import signal, argparse")
        script = script.replace(work, f'parser.add_argument("--told")\n{work}')
        (self.folder / "train.py").write_text(script)
        conftest = CONFTEST.replace(
            '"work": params["work"],', f'"work": params["work"], "told": {str(self.told)!r},'
        )
        (self.folder / "conftest.py").write_text(conftest)
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        (self.told / "fates.json").write_text(json.dumps(fates))

    def _lines(self, name: str) -> Seen:
        lines = (self.told / name).read_text().splitlines()
        return {(int(a), int(b), float(c)) for a, b, c in (line.split() for line in lines)}

    @property
    def said(self) -> Seen:
        return self._lines("said")

    @property
    def acknowledged(self) -> Seen:
        return self._lines("acknowledged")

    @property
    def seen(self) -> Seen:
        """What the scheduler saw."""
        (run,) = load_runs(self.folder / ".synebench")
        assert run.finished
        reports = [(trial.id, one) for trial in run.trials for one in trial.reports]
        assert len({(n, one.resource) for n, one in reports}) == len(reports), "seen twice"
        return {(n, one.resource, one.loss) for n, one in reports}

    def met(self) -> dict[str, tuple[str, str]]:
        """What trials have met, or wait for: its word, and their job."""
        there = self.told.glob("met-*[0-9]")
        return {one.name: tuple(json.loads(one.read_text())) for one in there}


class Session:
    """One pytest, whose trials meet what they wait for."""

    def __init__(self, emulator: Emulator, project: Project, *more: str) -> None:
        self._emulator, self._project = emulator, project
        self._done = {*project.met()}
        self._process = start_pytest(project.folder, *RUN, *JOBS, *more, out="../out.txt")

    def interrupt(self, lines: int) -> None:
        """Press Ctrl-C once the journal has so many lines, and wait for the end."""
        while journal_lines(self._project.folder) < lines and self._process.poll() is None:
            self._go_on()
        self._process.send_signal(signal.SIGINT)
        assert self._end() == pytest.ExitCode.INTERRUPTED, self._out

    def finish(self) -> None:
        assert self._end() == 0, self._out

    @property
    def _out(self) -> str:
        return (self._project.folder.parent / "out.txt").read_text()

    def _end(self) -> int:
        while self._process.poll() is None:
            self._go_on()
        return self._process.returncode

    def _go_on(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.05)
        for name, (fate, job) in self._project.met().items():
            if name not in self._done:
                self._done.add(name)
                with contextlib.suppress(EmulatorError):  # it was being stopped already
                    self._carry_out(fate, job)

    def _carry_out(self, fate: str, job: str) -> None:
        if fate == "reclaim":
            self._emulator.reclaim(job)
        elif fate == "kill":
            self._emulator.kill(job)
        else:
            client = self._emulator.client("sagemaker", config=PATIENT)
            with contextlib.suppress(client.exceptions.ClientError):  # it is stopping already
                client.stop_training_job(TrainingJobName=job)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Return what trials report that nothing befalls, as processes of this machine."""
    project = Project(tmp_path_factory.mktemp("here"), {})
    done = run_pytest(project.folder, *RUN, timeout_s=LONG_S)
    assert done.returncode == 0, done.stdout
    return project.seen


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.parametrize("fate", SINGLE)
def test_what_befalls_a_job_costs_no_report(
    emulator: Emulator, tmp_path: Path, expected: Seen, fate: str
) -> None:
    project = Project(tmp_path / "there", SINGLE[fate])
    Session(emulator, project).finish()
    assert len(project.met()) == 3 + 3 + 1, "one of three trials gets beyond level 3"
    assert project.said == project.acknowledged == project.seen == expected


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.parametrize("fault", FAULTS)
def test_what_befalls_requests_costs_no_report(
    emulator: Emulator, tmp_path: Path, expected: Seen, fault: str
) -> None:
    project = Project(tmp_path / "there", {})
    emulator.faults(*FAULTS[fault])
    Session(emulator, project).finish()
    assert all(hits > 0 for hits in emulator.fault_hits())
    assert project.said == project.acknowledged == project.seen == expected


@pytest.mark.slow
@pytest.mark.parametrize("lines", [9, pytest.param(4, marks=PROOF), pytest.param(15, marks=PROOF)])
def test_all_of_it_at_once_costs_no_report(
    emulator: Emulator, tmp_path: Path, expected: Seen, lines: int
) -> None:
    project = Project(tmp_path / "there", MIXED)
    emulator.faults(*THIRD)
    Session(emulator, project).interrupt(lines)
    Session(emulator, project, "--synebench-resume").finish()
    assert all(hits > 0 for hits in emulator.fault_hits())
    assert len(project.met()) == 3 + 3
    # Who is ended while it reports may not come to say that it has: nobody else is left out.
    assert project.acknowledged <= project.seen <= project.said
    assert project.seen == expected
