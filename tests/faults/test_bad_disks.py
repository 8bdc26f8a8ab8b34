"""A disk that is full, read-only, damaged or taken: a clear error, nothing lost, and a way on.

A size limit (RLIMIT_FSIZE) stands for the full disk: the same call fails at the same place, and no
privilege is needed. Where the rule is about free space, the project's conftest tells another one.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from bad_project import (
    assert_others_unharmed,
    make_bad_project,
    only_run,
    reported,
    run_bounded,
)
from toy_project import make_project, run_pytest, start_pytest, until_gone, wait_for_lines

from pytest_synebench.trial import TrialState

RESUME = "--synebench-resume"
FULL = "import os, shutil\nfrom types import SimpleNamespace\n\nHERE = os.path.dirname(__file__)\n"
ALWAYS = "shutil.disk_usage = lambda path: SimpleNamespace(free=3 * 2**20)\n\n"
WHILE_MARKED = """
def usage(path, real=shutil.disk_usage):
    return SimpleNamespace(free=0) if os.path.exists(os.path.join(HERE, "full")) else real(path)


shutil.disk_usage = usage

"""


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("locked/deep", "Permission denied"),
        ("file/deep", "Not a directory"),
        ("/proc/x", "No such"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_error_at_launch(
    tmp_path: Path, place: str, why: str
) -> None:
    folder = make_bad_project(tmp_path)
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0o555)
    (folder / "file").write_text("")
    done = run_bounded(folder, f"--synebench-storage={place}")

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{place}/runs/toy/one-fifo-random/r0-" in done.stdout
    assert f"cannot be made: {why}" in done.stdout
    assert "make it writable, or name another place with --synebench-storage" in done.stdout
    assert "5 skipped, 1 error" in done.stdout


def test_a_disk_with_no_space_for_a_run_is_one_error_at_launch(tmp_path: Path) -> None:
    done = run_bounded(make_bad_project(tmp_path, more=FULL + ALWAYS))

    assert done.returncode == 1, done.stdout + done.stderr
    assert "has 3.0 MB free; a run needs at least 20 MB for its journal and logs" in done.stdout
    assert "5 skipped, 1 error" in done.stdout


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Return the bytes of what a run writes before its first report."""
    folder = make_bad_project(tmp_path_factory.mktemp("whole"))
    assert run_bounded(folder).returncode == 0
    directory = only_run(folder).directory
    header = (directory / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    return {"header": len(header), "metadata": (directory / "metadata.json").stat().st_size}


@pytest.mark.parametrize(
    ("of", "beyond"), [("header", -1000), ("header", -100), ("metadata", 400), ("metadata", 1200)]
)
def test_a_disk_that_fills_up_ends_the_run_which_goes_on_and_loses_nothing(
    tmp_path: Path, sizes: dict[str, int], of: str, beyond: int
) -> None:
    folder = make_bad_project(tmp_path)
    file_bytes = sizes[of] + beyond
    done = run_bounded(folder, "-v", file_bytes=file_bytes)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "cannot go on: File too large. Nothing that was reported is lost: mend" in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert until_gone(folder) == []
    before = reported(only_run(folder))
    assert bool(before) == (beyond > 0), "the journal holds what fitted in"

    again = run_bounded(folder, "-v", RESUME)
    assert again.returncode == 0, again.stdout + again.stderr
    assert before <= reported(only_run(folder))
    assert_others_unharmed(folder)


@pytest.mark.parametrize("descriptors", [16, 24])
def test_too_few_descriptors_are_a_clear_end_and_lose_nothing(
    tmp_path: Path, descriptors: int
) -> None:
    folder = make_bad_project(tmp_path)
    done = run_bounded(folder, "-v", descriptors=descriptors)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "trial 0 (attempt 0) cannot be started: Too many open files; each" in done.stdout
    assert "raise `ulimit -n`, or run fewer workers" in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert until_gone(folder) == []
    again = run_bounded(folder, "-v", RESUME)
    assert again.returncode == 0, again.stdout + again.stderr
    assert_others_unharmed(folder)


@pytest.mark.parametrize("place", [".", "trials"])
def test_a_run_that_becomes_read_only_ends_and_goes_on_when_it_can_be_written(
    tmp_path: Path, place: str
) -> None:
    run = "os.path.dirname(os.path.dirname(os.path.dirname(os.environ['SYNEBENCH_ATTEMPT'])))"
    once = f"""
mark = os.path.join(here, "once")
if not os.path.exists(mark):
    open(mark, "w").close()
    os.chmod(os.path.join({run}, {place!r}), 0o555)
good()
"""
    folder = make_bad_project(tmp_path, once)
    done = run_bounded(folder, "-v", "--num_workers", "1")
    (directory,) = folder.glob(".synebench/runs/*/*/*-*")

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"cannot go on: Permission denied: {directory}/" in done.stdout
    assert "INTERNALERROR" not in done.stdout
    assert until_gone(folder) == []
    (directory / place).chmod(0o755)
    before = reported(only_run(folder))
    assert len(before) >= 3
    again = run_bounded(folder, "-v", RESUME)
    assert again.returncode == 0, again.stdout + again.stderr
    assert before <= reported(only_run(folder))
    assert_others_unharmed(folder)


def test_what_fails_for_want_of_space_breaks_the_run_off_and_is_run_again(tmp_path: Path) -> None:
    lines = """
if not os.path.exists(os.path.join(here, "once")):
    open(os.path.join(here, "once"), "w").close()
    open(os.path.join(here, "full"), "w").close()
    raise OSError(28, "No space left on device")
good()
"""
    folder = make_bad_project(tmp_path, lines, more=FULL + WHILE_MARKED)
    for options in ((), (RESUME,)):
        done = run_bounded(folder, *options)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "has 0.0 MB free; a run needs at least 20 MB" in done.stdout
        assert TrialState.FAILED not in {trial.state for trial in only_run(folder).trials}
        assert until_gone(folder) == []
    (folder / "full").unlink()
    again = run_bounded(folder, RESUME)

    assert again.returncode == 0, again.stdout + again.stderr
    assert "6 passed" in again.stdout
    assert_others_unharmed(folder)


def test_a_checkpoint_that_does_not_fit_is_named_with_the_reason(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    script = (folder / "train.py").read_text()
    (folder / "train.py").write_text(
        script.replace("json.dump(state, file)", "json.dump({**state, 'pad': 'x' * 20_000}, file)")
    )
    done = run_bounded(folder, file_bytes=12_000)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "CheckpointError: the checkpoint of level 1 in " in done.stdout
    assert "was not saved: OSError: [Errno 27] File too large; there is no earlier" in done.stdout
    assert "2 trials failed, max_failures is 1" in done.stdout
    assert until_gone(folder) == []


def test_results_that_cannot_be_written_are_a_note_and_are_written_later(tmp_path: Path) -> None:
    run = "os.path.dirname(os.path.dirname(os.path.dirname(os.environ['SYNEBENCH_ATTEMPT'])))"
    lines = f"os.mkdir(os.path.join({run}, 'results.csv.gz')); good()"
    folder = make_bad_project(tmp_path, lines)
    done = run_bounded(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: results.csv.gz or metadata.json could not be written: Is a dir" in done.stdout
    (blocked,) = folder.rglob("results.csv.gz")
    blocked.rmdir()
    assert run_bounded(folder, RESUME).returncode == 0
    assert blocked.is_file()


def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path)
    assert run_bounded(folder).returncode == 0
    (journal,) = folder.rglob("journal.jsonl")
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    damaged = b"".join([*lines[:3], lines[3].replace(b'"t":', b'"T":'), *lines[4:]])
    assert damaged != whole
    journal.write_bytes(damaged)
    done = run_bounded(folder, RESUME)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "journal.jsonl: line 4 (byte " in done.stdout
    assert "does not match its checksum: the file was damaged after it was written" in done.stdout
    assert "5 skipped, 1 error" in done.stdout
    assert journal.read_bytes() == damaged


def test_a_torn_last_line_is_left_out_and_the_run_goes_on(tmp_path: Path) -> None:
    folder = make_bad_project(tmp_path)
    assert run_bounded(folder).returncode == 0
    (journal,) = folder.rglob("journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:9]) + lines[9][:7])
    done = run_bounded(folder, RESUME)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "the last line of the journal was torn by a crash (7 bytes): it is left out" in (
        done.stdout
    )
    assert_others_unharmed(folder)


def test_of_two_on_one_directory_the_second_is_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    folder = make_project(tmp_path)
    options = ("--synebench", "toy", "--num_trials", "2", "--work", "3000000", "-q")
    first = start_pytest(folder, *options)
    wait_for_lines(first, folder, 3)
    os.kill(first.pid, signal.SIGSTOP)  # it holds its directory, and cannot end before the second
    second = run_pytest(folder, *options, RESUME)
    os.kill(first.pid, signal.SIGCONT)

    assert second.returncode == 1, second.stdout + second.stderr
    assert f"is held by pid {first.pid} on " in second.stdout
    assert "one run directory has one controller. It is stopped" in second.stdout
    assert "start a new run without --synebench-resume" in second.stdout
    assert first.wait(timeout=120) == 0, (folder / "out.txt").read_text()
    assert len(only_run(folder).trials) == 2
    assert until_gone(folder) == []


@pytest.mark.parametrize("name", ["HOME", "TMPDIR"])
def test_neither_home_nor_temporary_folder_is_needed(tmp_path: Path, name: str) -> None:
    folder = make_bad_project(tmp_path)
    done = run_bounded(folder, extra={name: "/dev/full"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert_others_unharmed(folder)


def test_names_with_spaces_quotes_and_letters_of_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "my 'own' \"größe\" $HOME \u7532"
    folder.mkdir()
    make_bad_project(folder)
    odd = 'tr ain\'s "x".py'
    (folder / "train.py").rename(folder / odd)
    definition = (folder / "conftest.py").read_text()
    (folder / "conftest.py").write_text(definition.replace('"train.py"', repr(odd)))
    done = run_bounded(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert_others_unharmed(folder)
