"""The process an attempt runs in: to the script it is ``python train.py``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.training.conftest import Runner

BOOTSTRAP = [sys.executable, "-m", "pytest_synebench.training.bootstrap"]

SHOW = """
    import json, os, sys
    main = sys.modules["__main__"]
    print(json.dumps([
        sys.argv, sys.path[0], __name__, __file__, main.__dict__ is globals(), __spec__,
        __package__, __doc__, main.__file__, sorted(globals().keys() - {"__annotations__"}),
    ]))
    def typed(x: int) -> None: ...
    print(typed.__annotations__)
    import beside
    print(beside.WHO)
"""


def test_the_script_sees_what_python_would_show_it(attempt: Runner) -> None:
    (attempt.directory / "beside.py").write_text("WHO = 'a module beside the script'")
    ours = attempt(SHOW, "--lr", "0 1", "")
    plain = attempt.by_hand(SHOW, "--lr", "0 1", "")
    assert ours.stdout == plain.stdout
    assert ours.code == 0


def test_a_script_behind_a_link_imports_from_where_it_really_is(attempt: Runner) -> None:
    real = attempt.directory / "real"
    real.mkdir()
    (real / "beside.py").write_text("WHO = 'real'")
    (real / "train.py").write_text("import beside; print(beside.WHO)")
    link = attempt.directory / "linked.py"
    link.symlink_to(real / "train.py")
    done = subprocess.run([*BOOTSTRAP, str(link)], capture_output=True, text=True, check=False)
    assert done.stdout == "real\n", done.stderr


def test_a_script_run_in_safe_path_mode_gets_no_folder(attempt: Runner) -> None:
    script = attempt.script("import sys; print(sys.path[0])")
    command = [sys.executable, "-P", *BOOTSTRAP[1:], str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() != str(attempt.directory)
    assert done.stdout.strip(), done.stderr


def test_a_spawned_process_finds_the_script_as_main(attempt: Runner) -> None:
    done = attempt("""
        import multiprocessing
        def work(x): return x * x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [3]))
    """)
    assert done.stdout == "[9]\n", done.stderr


def test_a_spawned_process_returns_objects_of_the_scripts_classes(attempt: Runner) -> None:
    (attempt.directory / "site").mkdir()
    (attempt.directory / "site/sitecustomize.py").write_text("import multiprocessing")
    script = attempt.script("""
        import multiprocessing
        class Square:
            def __init__(self, x): self.area = x * x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map_async(Square, [3]).get(60)[0].area)
    """)
    done = subprocess.run(
        [*BOOTSTRAP, str(script)],
        env={**os.environ, "PYTHONPATH": str(attempt.directory / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "9\n", done.stderr


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", 0),
        ("import sys; sys.exit(7)", 7),
        ("import os; os._exit(9)", 9),
        ("raise SystemExit('bad config')", 1),
        ("1 / 0", 1),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("raise KeyboardInterrupt", -signal.SIGINT),
    ],
)
def test_the_exit_code_is_the_scripts(attempt: Runner, body: str, code: int) -> None:
    assert attempt(body).code == code


FAILING = """
    def train():
        return 1 / 0
    try:
        train()
    except ZeroDivisionError as error:
        raise ValueError("diverged") from error
"""


@pytest.mark.parametrize("name", ["json", "random"])
def test_a_file_beside_the_script_does_not_come_between_it_and_its_attempt(
    attempt: Runner, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (attempt.directory / f"{name}.py").write_text("raise SystemExit('the one beside')")
    (attempt.directory / "own.py").write_text("WHO = 'own'")
    monkeypatch.chdir(attempt.directory)
    done = attempt("""
        import own
        from pytest_synebench.training import Reporter
        Reporter()(epoch=1, loss=1.0)
        print(own.WHO)
    """)
    assert (done.code, done.stdout, len(done.messages)) == (0, "own\n", 2), done.stderr


@pytest.mark.parametrize("body", [FAILING, "if:", "raise ExceptionGroup('g', [ValueError(1)])"])
def test_a_traceback_shows_the_script_only(attempt: Runner, body: str) -> None:
    ours, plain = attempt(body), attempt.by_hand(body)
    assert ours.stderr == plain.stderr
    assert ours.code == plain.code == 1


def test_a_hook_of_the_scripts_own_gets_the_error(attempt: Runner) -> None:
    done = attempt("""
        import sys
        sys.excepthook = lambda kind, value, traceback: print("hooked", kind.__name__)
        1 / 0
    """)
    assert (done.code, done.stdout) == (1, "hooked ZeroDivisionError\n")


def test_work_registered_for_the_exit_runs_after_an_error(attempt: Runner) -> None:
    assert attempt("import atexit; atexit.register(print, 'bye'); 1 / 0").stdout == "bye\n"


def test_a_script_that_is_not_there_is_pythons_own_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.py")
    done = subprocess.run([*BOOTSTRAP, missing], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"can't open file {missing!r}: No such file or directory" in done.stderr


def test_no_script_at_all_shows_the_usage() -> None:
    done = subprocess.run(BOOTSTRAP, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: python -m pytest_synebench.training.bootstrap SCRIPT" in done.stderr


def test_the_report_pipe_is_not_handed_on(attempt: Runner) -> None:
    done = attempt("""
        import json, os
        fd = json.load(open(os.environ["SYNEBENCH_ATTEMPT"]))["fd"]
        os.fstat(fd)
        os.system(f"test -e /proc/self/fd/{fd} && echo inherited || echo closed")
    """)
    assert done.stdout == "closed\n", done.stderr


def test_a_parent_that_died_before_the_start_is_noticed(attempt: Runner) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    done = attempt("print('running')", env={"SYNEBENCH_PARENT": str(gone.pid)})
    assert (done.code, done.stdout) == (-signal.SIGKILL, "")


def test_a_script_without_a_controller_runs_too(attempt: Runner) -> None:
    script = attempt.script("print('by hand')")
    env = {k: v for k, v in os.environ.items() if not k.startswith("SYNEBENCH")}
    done = subprocess.run([*BOOTSTRAP, str(script)], env=env, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"by hand\n"


AHEAD = """
import builtins, sys
from pathlib import Path
from pytest_synebench.training import bootstrap
script = Path(sys.argv[1])
bootstrap.compile_ahead(str(script))
if len(sys.argv) > 2:
    script.write_text(sys.argv[2])
else:
    builtins.compile = None
bootstrap.run_script(str(script), [])
"""


def compiled_ahead(script: Path, *changed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AHEAD, str(script), *changed]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_was_compiled_ahead_is_run(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print(__name__, __file__)")
    assert compiled_ahead(script).stdout == f"__main__ {script}\n"


def test_a_script_that_changed_is_compiled_again(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print('old')")
    assert compiled_ahead(script, "print('new')").stdout == "new\n"


@pytest.mark.parametrize("text", ["print('a' is 'b')", "print(", ""])
def test_what_compiling_says_is_said_where_the_script_runs(tmp_path: Path, text: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(text)
    ours = compiled_ahead(script, text)
    plain = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )
    assert (ours.stdout, ours.stderr, ours.returncode) == (
        plain.stdout,
        plain.stderr,
        plain.returncode,
    )
