"""A trial that dies, hangs, breeds or floods, one of four: it fails by name, the others go on.

What a script may do wrong in its reports stands in test_bad_scripts.py; here are its process, its
children, its memory and its volume. Every case runs the real pytest on a real project. The lines of
a case are what trial 0 does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bad_project import (
    BAD_X,
    assert_others_unharmed,
    make_bad_project,
    only_run,
    run_bounded,
)
from toy_project import until_gone

from pytest_synebench.trial import TrialState

# The peak is asked of /proc: ru_maxrss also counts what the parent held when it was forked.
PEAK = """
def peak_kb():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM:")).split()[1])


def pytest_collection_finish():
    global before_kb
    before_kb = peak_kb()


def pytest_unconfigure():
    with open("grown_kb.txt", "w") as file:
        file.write(str(peak_kb() - before_kb))


"""
HANGS = "no report for 5 s, which is its progress_timeout (--progress_timeout raises it, none"
SILENT = "ended with exit code 0 without one report of 'loss'; call report() at the end of each"
KILLED = "signal 9 (SIGKILL): killed from outside (out of memory?)"
DEAF = "for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)\n"
STAY = "while True: signal.pause()\n"
CRASH = "raise RuntimeError('the data has no rows')"
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n"
# A session of its own, no parent, no environment, no descriptor.
DETACH = """
child = os.fork()
if child == 0:
    os.setsid()
    pid = os.fork()
    if pid == 0:
        os.closerange(0, 100)
        waiting = "import signal; signal.pause()"
        os.execve(sys.executable, [sys.executable, "-c", waiting, here], {})
    with open(os.path.join(here, "pid"), "w") as file:
        file.write(str(pid))
    os._exit(0)
os.waitpid(child, 0)
"""
SAVES = r"""
from itertools import count
told = attempt()
said = json.dumps({"kind": "saved", "level": 1})
for n in count(): os.write(told["fd"], f"{told['nonce']} {n} {said}\n".encode())
"""
WAYS = pytest.mark.parametrize("launch", ["warm", pytest.param("cold", marks=pytest.mark.slow)])
FAILURES = {
    "runs_in_circles": ("report(epoch=1, loss=1.0)\nwhile True: pass", HANGS),
    "writes_a_log_for_ever": ("while True: print('all is well')", HANGS),
    "writes_junk_to_its_channel_for_ever": (
        "to = attempt()['fd']\nwhile True: os.write(to, b'all is well\\n' * 1000)",
        HANGS,
    ),
    "becomes_another_program": ("os.execvp('sleep', ['sleep', '1000'])", HANGS),
    "ignores_every_polite_signal": (DEAF + STAY, HANGS),
    "hangs_with_deaf_children": (
        f"{DEAF}for _ in range(20):\n    if os.fork() == 0: break\n{STAY}",
        HANGS,
    ),
    "hangs_with_a_stopped_child_in_a_session_of_its_own": (
        "if os.fork() == 0:\n    os.setsid()\n    os.kill(os.getpid(), signal.SIGSTOP)\n" + STAY,
        HANGS,
    ),
    "says_for_ever_that_it_saved": (SAVES, HANGS),
    "dies_before_its_children": (
        f"for _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        {STAY}{CRASH}",
        "RuntimeError: the data has no rows",
    ),
    "is_killed_by_its_child": (
        f"if os.fork() == 0:\n    os.kill(os.getppid(), signal.SIGKILL)\n    {STAY}{STAY}",
        KILLED,
    ),
    "kills_its_group": ("os.killpg(0, signal.SIGKILL)", KILLED),
    "segfaults": ("import ctypes; ctypes.string_at(0)", "level 0, attempt 1: signal 11 (SIGSEGV)"),
    "aborts": ("os.abort()", "level 0, attempt 1: signal 6 (SIGABRT)"),
    "ends_without_a_report_or_a_farewell": ("os._exit(0)", SILENT),
    "has_too_little_memory": (
        f"{LIMITED}report(epoch=1, loss=1.0); bytearray(2**30)",
        "level 1, attempt 1: exit code 1\nTraceback (most recent call last):",
    ),
}


def assert_memory_is_flat(folder: Path) -> None:
    """The peak of the pytest that ran here has hardly grown since it collected."""
    assert int((folder / "grown_kb.txt").read_text()) < 50 * 1024


@WAYS
@pytest.mark.parametrize("case", FAILURES)
def test_one_bad_trial_fails_alone(tmp_path: Path, case: str, launch: str) -> None:
    lines, message = FAILURES[case]
    options = ("--progress_timeout", "5") if message is HANGS else ()
    folder = make_bad_project(tmp_path, lines, PEAK)
    done = run_bounded(folder, "-v", "--launch", launch, *options)

    assert done.returncode == 1, done.stdout + done.stderr
    assert_memory_is_flat(tmp_path)
    assert done.stdout.count(message) == 1, done.stdout
    assert "trial[0] FAILED" in done.stdout
    assert "trials: 3 completed, 1 failed;" in done.stdout
    assert "1 failed, 5 passed" in done.stdout
    assert only_run(tmp_path).trials[0].state is TrialState.FAILED
    assert_others_unharmed(tmp_path)


HARMLESS = {
    "closes_its_output": "os.close(1); os.close(2); good()",
    "deletes_its_folder": """
import shutil
report(epoch=1, loss=0.25)
shutil.rmtree(os.path.dirname(os.environ["SYNEBENCH_ATTEMPT"]))
for epoch in (2, 3): report(epoch=epoch, loss=0.25 / epoch)
""",
    "leaves_daemons": """
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for n in (signal.SIGTERM, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)
            while True: signal.pause()
        os._exit(0)
for _ in range(20): os.wait()
good()
""",
    "leaves_a_stopped_child": """
child = os.fork()
if child == 0:
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(child, os.WUNTRACED)
good()
""",
    "leaves_a_child_that_writes_for_ever": """
if os.fork() == 0:
    os.setsid()
    while True: os.write(1, b"x" * 65536)
good()
""",
    "leaves_a_child_that_breeds": """
if os.fork() == 0:
    os.setsid()
    for _ in range(300):
        if os.fork(): os._exit(0)
    while True: signal.pause()
good()
""",
}


@WAYS
@pytest.mark.parametrize("case", HARMLESS)
def test_what_a_trial_leaves_behind_goes_with_it(tmp_path: Path, case: str, launch: str) -> None:
    done = run_bounded(make_bad_project(tmp_path, HARMLESS[case]), "-v", "--launch", launch)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    reports = [(r.resource, r.loss) for r in only_run(tmp_path).trials[0].reports]
    assert reports == [(1, BAD_X), (2, BAD_X / 2), (3, BAD_X / 3)]
    assert_others_unharmed(tmp_path)


@WAYS
@pytest.mark.parametrize("end", ["good()", CRASH])
def test_nothing_is_so_detached_that_it_stays(tmp_path: Path, end: str, launch: str) -> None:
    done = run_bounded(make_bad_project(tmp_path, DETACH + end), "--launch", launch)

    assert done.returncode == (end == CRASH), done.stdout + done.stderr
    pid = int((tmp_path / "pid").read_text())
    # Its number may be another process's by now; that one was not told this.
    command = Path(f"/proc/{pid}/cmdline")
    assert not command.exists() or str(tmp_path).encode() not in command.read_bytes()
    assert_others_unharmed(tmp_path)


@WAYS
def test_a_trial_that_has_reported_all_and_does_not_end_is_complete(
    tmp_path: Path, launch: str
) -> None:
    folder = make_bad_project(
        tmp_path, "threading.Thread(target=threading.Event().wait).start()\ngood()"
    )
    done = run_bounded(folder, "-v", "--launch", launch)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert "note: trial 0: did not end within 0.2 s of its last level" in done.stdout
    assert_others_unharmed(tmp_path)


MEGABYTE = 2**20
VOLUMES = {
    "stdout": "for _ in range({n}): os.write(1, b'all is well %09d\\n' * (2**20 // 22))",
    "stderr": "for _ in range({n}): os.write(2, b'x' * 2**20)",
    "one_line": "sys.stdout.write('x' * ({n} * 2**20)); sys.stderr.write('x' * ({n} * 2**20))",
    "the_channel": "to = attempt()['fd']\nfor _ in range({n}): os.write(to, b'x' * 2**20)",
}
LONG = {"stdout": 1024, "stderr": 1024, "one_line": 100, "the_channel": 100}


def check_volume(folder: Path, case: str, megabytes: int) -> None:
    lines = VOLUMES[case].format(n=megabytes) + "\ngood()"
    folder = make_bad_project(folder, lines, PEAK)
    done = run_bounded(folder, "-v", "--log_cap_mb", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert_others_unharmed(folder)
    assert [r.resource for r in only_run(folder).trials[0].reports] == [1, 2, 3]
    assert_memory_is_flat(folder)
    note = b"[synebench: 2097152 bytes reached, the rest is dropped]"
    logs = {path.name: path for path in only_run(folder).directory.glob("trials/0/*.log")}
    assert set(logs) == {"stdout.log", "stderr.log"}
    for name, path in logs.items():
        flooded = case in {"one_line", name.removesuffix(".log")}
        assert path.stat().st_size < 2 * MEGABYTE + 100
        assert path.read_bytes().count(note) == flooded


@pytest.mark.parametrize("case", VOLUMES)
def test_what_a_trial_writes_is_kept_up_to_the_cap(tmp_path: Path, case: str) -> None:
    check_volume(tmp_path, case, megabytes=32)


@pytest.mark.slow
@pytest.mark.parametrize("case", VOLUMES)
def test_a_gigabyte_or_one_endless_line_fills_no_memory(tmp_path: Path, case: str) -> None:
    check_volume(tmp_path, case, LONG[case])


def flood(folder: Path, reports: int) -> list[int]:
    """Have trial 0 report so many levels, the others only the last; return the order of ends."""
    make_bad_project(folder, "good()", PEAK)
    script = folder / "train.py"
    one_report = "report(epoch=args.epochs, loss=args.x)\n    sys.exit()"
    script.write_text(script.read_text().replace("good()\n    sys.exit()", one_report))
    done = run_bounded(folder, "-v", "--max_resource_level", str(reports))

    assert done.returncode == 0, done.stdout + done.stderr
    assert_memory_is_flat(folder)
    run = only_run(folder)
    levels = [[r.resource for r in trial.reports] for trial in run.trials]
    assert levels == [list(range(1, reports + 1)), *[[reports]] * 3]
    assert until_gone(folder) == []
    return [int(one) for one in re.findall(r"trial\[(\d)\] COMPLETED", done.stdout)]


def test_of_a_flood_of_reports_none_is_lost(tmp_path: Path) -> None:
    assert set(flood(tmp_path, 1000)) == {0, 1, 2, 3}


@pytest.mark.slow
def test_a_flood_of_reports_holds_up_no_other_trial(tmp_path: Path) -> None:
    assert flood(tmp_path, 5_000)[-1] == 0
