"""The S3 on loopback: it serves, leaves the environment alone, and goes when it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.emulator import s3
from pytest_synebench.emulator.s3 import s3_on_loopback
from pytest_synebench.errors import BackendError, StoreError
from pytest_synebench.experiment.keeping.opening import archive_of
from pytest_synebench.testing.checkpoint_store_suite import FILES, content, make_checkpoint
from pytest_synebench.trial import TrialId


def test_a_checkpoint_is_kept_and_comes_back_and_the_service_goes_with_the_block(
    tmp_path: Path,
) -> None:
    pytest.importorskip("moto", reason="needs the extra 'emulator'")
    before, place = dict(os.environ), Place(TrialId(0), 0, 3)
    with s3_on_loopback() as url:
        assert url.startswith("s3+http://127.0.0.1:")
        archive = archive_of(url, "toy")
        archive.preflight()
        kept = archive.keep(make_checkpoint(tmp_path / "here", place), place)
        assert archive.restore(place, tmp_path / "there", kept.sha256) == kept
        assert content(tmp_path / "there" / "00000003") == FILES
        assert dict(os.environ) == before
    archive.close()  # it gives up at once
    with pytest.raises(StoreError):
        archive.find(TrialId(0))


def test_it_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    pytest.importorskip("moto", reason="needs the extra 'emulator'")
    code = (
        "import os, signal\n"
        "from pytest_synebench.emulator import s3\n"
        "real = s3.subprocess.Popen\n"
        "s3.subprocess.Popen = lambda *a, **k: made.append(real(*a, **k)) or made[-1]\n"
        "made = []\n"
        "with s3.s3_on_loopback():\n"
        "    print(made[0].pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    service = os.pidfd_open(int(done.stdout)) if Path(f"/proc/{int(done.stdout)}").exists() else 0
    if service:
        import select

        ended, _, _ = select.select([service], [], [], 30)
        os.close(service)
        assert ended


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_NEEDS", ("no_such_module",))
    with pytest.raises(BackendError, match=r"'pytest-synebench\[emulator\]', or name a store"):
        s3_on_loopback().__enter__()


def test_a_service_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("moto", reason="needs the extra 'emulator'")
    monkeypatch.setattr(s3, "__name__", "no_such_module")
    with pytest.raises(BackendError, match=r"does not start: .*no_such_module"):
        s3_on_loopback().__enter__()
