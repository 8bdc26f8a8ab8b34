"""What may be forked: a process that is warm, and has nothing of its own that a copy lacks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from warm_runs import Both, DeclinedError, Supervised, variables

from pytest_synebench.backends.supervisor.warm import warmth


def warmed(folder: Path, *modules: str, then: str = "", **files: str) -> str:
    """Return the reason that warming up gave in a process of its own, and what ``then`` printed."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(content))
    code = f"""
import sys
from pytest_synebench.backends.supervisor.warm import warmth
print(warmth.warm_up({modules!r}))
{textwrap.dedent(then)}
sys.stdout.flush()
import os; os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=variables(PYTHONPATH=str(folder)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_an_import_that_fails_does_not_keep_the_others_out(tmp_path: Path) -> None:
    printed = warmed(
        tmp_path,
        *("broken", "ending", "exploding", "good", "no_such_module", "no_such_one.part?"),
        then="print('good' in sys.modules)",
        broken="if:",
        ending="raise SystemExit(3)",
        exploding="1 / 0",
        good="",
    )
    assert printed == "\nTrue\n"


def test_what_may_be_an_attribute_is_imported_if_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("shadowed = 1")
    for name in ("part", "shadowed"):
        (tmp_path / "package" / f"{name}.py").write_text("")
    then = "print(sorted(name for name in sys.modules if name.startswith('package')))"
    names = ("package.gone?", "package.part?", "package.shadowed?")
    assert warmed(tmp_path, *names, then=then) == "\n['package', 'package.part']\n"


THREAD = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
PROCESS = "import subprocess, sys; held = subprocess.Popen(['sleep', '0'])"
CUDA = (
    "class cuda:\n    is_initialized = staticmethod(lambda: 'started' in globals())\n"
    "manual_seed = print\n"
)


def test_an_import_that_leaves_a_thread_is_named_and_is_the_last(tmp_path: Path) -> None:
    printed = warmed(
        tmp_path,
        *("before", "busy", "later"),
        then="print('later' in sys.modules)",
        before="",
        busy=THREAD,
        later="",
    )
    assert printed == "importing busy starts a thread\nFalse\n"


def test_an_import_that_leaves_a_process_is_named(tmp_path: Path) -> None:
    assert warmed(tmp_path, "busy", busy=PROCESS) == "importing busy starts a process\n"


def test_a_process_that_an_import_waited_for_does_not_count(tmp_path: Path) -> None:
    finished = "import subprocess; subprocess.run(['true'])"
    assert warmed(tmp_path, "asks", asks=finished) == "\n"


def test_an_import_that_initialises_cuda_is_named(tmp_path: Path) -> None:
    printed = warmed(
        tmp_path, "torch", "user", torch=CUDA, user="import torch; torch.started = True"
    )
    assert printed.endswith("importing user initialises CUDA\n")


def test_a_driver_that_runs_is_seen_by_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmth, "_threads", lambda: 1)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert warmth.why_not() == ""
    monkeypatch.setattr(warmth, "_open_files", lambda: ["/dev/null", "/dev/nvidia-uvm"])
    assert warmth.why_not().startswith("CUDA is initialised in the warm process")


def test_the_folder_it_was_started_in_holds_no_modules_for_it(tmp_path: Path) -> None:
    (tmp_path / "stray.py").write_text("")
    code = (
        "import sys; from pytest_synebench.backends.supervisor.warm.warmth import warm_up; "
        "warm_up(['stray']); print('stray' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=variables(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_torch_is_ready_and_idle(tmp_path: Path) -> None:
    then = """
        import os
        loaded = set(sys.modules)
        import torch
        layer = torch.nn.Linear(2, 1)
        optimiser = torch.optim.Adam(layer.parameters())
        new = [name for name in sys.modules if name not in loaded]
        print(len(os.listdir("/proc/self/task")), torch.get_num_threads(), new)
    """
    assert warmed(tmp_path, "torch", then=then) == "\n1 1 []\n"


def test_no_step_is_made_since_it_would_look_for_accelerators(tmp_path: Path) -> None:
    watcher = """
        import torch
        def noticed(*args, **kwargs):
            raise SystemExit("looked for accelerators")
        torch.accelerator.current_accelerator = torch.cuda.is_available = noticed
        torch.Tensor.backward = noticed
    """
    then = "print('torch._dynamo' in sys.modules)"
    assert warmed(tmp_path, "watcher", then=then, watcher=watcher) == "\nTrue\n"


def test_what_an_import_wrote_is_not_written_again_by_copies(tmp_path: Path) -> None:
    noisy = """
        import ctypes, sys
        sys.stdout.write("noise")
        ctypes.CDLL(None).printf(b"more noise")
    """
    then = "import ctypes, os; os.write(1, b'|'); ctypes.CDLL(None).fflush(None)"
    assert warmed(tmp_path, "noisy", then=then, noisy=noisy).partition("|")[2] == "\n"


def test_a_folder_that_came_later_is_looked_into(tmp_path: Path) -> None:
    later = tmp_path / "later"
    adds = f"import sys; sys.path.insert(1, {str(later)!r}); import nothing_of_this_name"
    then = f"""
        import os
        os.mkdir({str(later)!r})
        open({str(later / "new.py")!r}, "w").close()
        import new
        print(new.__name__)
    """
    assert warmed(tmp_path, "adds", then=then, adds=adds) == "\nnew\n"


@pytest.fixture
def both(tmp_path: Path) -> Both:
    warm = Supervised("json")
    return Both(warm, warm, tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PYTHONHASHSEED", "7"), ("PYTHONUNBUFFERED", "1"), ("TZ", "Asia/Tokyo"), ("LC_ALL", "C")],
)
def test_a_variable_that_is_read_at_the_start_must_be_the_same(
    both: Both, variable: str, value: str
) -> None:
    script = both.script("pass")
    with pytest.raises(DeclinedError, match=f"{variable} is read when a process starts"):
        both.warm.run(script, environment=variables(**{variable: value}))
    both.warm.close()


@pytest.mark.parametrize("name", ["json.py", "json/__init__.py"])
def test_a_file_that_has_the_name_of_a_loaded_module_is_noticed(both: Both, name: str) -> None:
    script = both.script("import json; print(json.WHO)")
    (both.folder / "harmless.py").write_text("")
    (both.folder / "email").mkdir()
    assert both.warm.run(script).code == 1
    path = both.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("WHO = 'the one beside'")
    with pytest.raises(DeclinedError, match=r"json.* beside the script has the name of a module"):
        both.warm.run(script)
    both.warm.close()


def test_more_than_one_thread_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmth, "_threads", lambda: 3)
    assert warmth.why_not() == "the warm process has 3 threads, and a copy of it has one"
