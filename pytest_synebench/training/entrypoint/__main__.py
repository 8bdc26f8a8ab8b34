"""What a container runs: ``python package.zip``, with the code of user and project beside it.

Invariants (tests/training/entrypoint/test_entrypoint.py holds each one):
- the exit code is the script's; one that a signal ended gives 128 and its number;
- a job that fails says why in ``/opt/ml/output/failure``, even where the fault is ours;
- SIGTERM reaches the script, whenever it comes: also while its dependencies are installed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pytest_synebench.errors import SynebenchError, TrialError
from pytest_synebench.training.entrypoint import sources
from pytest_synebench.training.entrypoint.contract import CHANNEL, PROGRAM, ROOT, Contract
from pytest_synebench.training.entrypoint.entry import ARCHIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ROOT_VARIABLE = "SYNEBENCH_CONTAINER_ROOT"  #: where it is not /opt/ml
_BY_SIGNAL = 128


class Stop:
    """A polite request to end, and who is to hear of it."""

    def __init__(self) -> None:
        self.asked = False
        self.listener: Callable[[], None] | None = None
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True
        if self.listener is not None:
            self.listener()

    def leave_if_asked(self) -> None:
        """End where nothing has begun that could be asked to end."""
        if self.asked:
            raise SystemExit(_BY_SIGNAL + signal.SIGTERM)


def main() -> int:
    """Run the job; return its exit code."""
    stop = Stop()
    contract = Contract(os.environ.get(ROOT_VARIABLE, ROOT))
    os.environ.update(contract.variables())
    try:
        script = _prepare(contract)
        stop.leave_if_asked()
        code, tail = _run(script, contract, stop)
    except SynebenchError as error:
        contract.fail(str(error))
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:
        contract.fail(f"{type(error).__name__}: {error}")  # its log has the traceback
        raise
    if code:
        contract.fail(f"{_words(code)}\n{tail}".strip())
    return code if code >= 0 else _BY_SIGNAL - code


def _prepare(contract: Contract) -> Path:
    """Return the script, once all that it needs is here."""
    for folder in (contract.code, contract.model, contract.output / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    archive = contract.data / CHANNEL / ARCHIVE
    unpacked = Path(__file__).is_relative_to(contract.code)  # by entry.py
    if archive.is_file() and not unpacked:
        sources.unpack(archive, contract.code)
    program = contract.hyperparameters.get(PROGRAM)
    if not program:
        raise TrialError(f"the job has no hyperparameter {PROGRAM!r}: it names the script to run")
    script = contract.code / str(program)
    if not script.is_file():
        raise TrialError(f"there is no {program!r} in the code of the job")
    needed = sources.dependencies(script.parent) or sources.dependencies(contract.code)
    if needed is not None:
        sources.install(needed)
    return script


def _run(script: Path, contract: Contract, stop: Stop) -> tuple[int, str]:
    """Run the script; return its exit code and the last lines of its stderr."""
    from pytest_synebench.training.agent.orders import VARIABLE

    url = os.environ.get(VARIABLE)
    if url is None:
        return _run_alone(script, contract, stop)
    from pytest_synebench.training.agent.running import run_attempt

    return run_attempt(url, script, contract.root / "synebench", stop)


def _run_alone(script: Path, contract: Contract, stop: Stop) -> tuple[int, str]:
    """Run a script that is no attempt of ours, as the platform's own toolkit does."""
    from collections import deque

    command = [sys.executable, script.name, *contract.arguments()]
    reads, writes = os.pipe()
    with open(reads, errors="replace", encoding="utf-8") as errors:
        process = subprocess.Popen(command, cwd=script.parent, stderr=writes)
        os.close(writes)
        stop.listener = process.terminate
        if stop.asked:
            process.terminate()
        tail: deque[str] = deque(maxlen=20)
        for line in errors:
            sys.stderr.write(line)
            tail.append(line.rstrip())
    return process.wait(), "\n".join(tail)


def _words(code: int) -> str:
    if code > 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


if __name__ == "__main__":
    raise SystemExit(main())
