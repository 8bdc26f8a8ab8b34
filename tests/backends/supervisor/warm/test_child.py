"""A copy of a warm process: what it has of its own, and how it ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_runs import Both, Supervised, variables


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervised]:
    modules = ("multiprocessing", "tempfile", "pytest_synebench.training")
    warm = Supervised(*modules)
    yield warm
    warm.close()


@pytest.fixture
def both(supervisor: Supervised, tmp_path: Path) -> Both:
    return Both(supervisor, supervisor, tmp_path)


def test_it_has_four_descriptors_and_hands_on_three(both: Both) -> None:
    body = """
        import os
        def held():
            return sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1]
        print(held(), os.readlink("/proc/self/fd/0"), flush=True)
        os.system("ls /proc/self/fd | head -n -1 | tr '\\\\n' ' '")
        os.write(3, b"told")
    """
    outcome, _ = both(body)
    assert outcome.stdout == "[0, 1, 2, 3] /dev/null\n0 1 2 "
    assert outcome.channel == b"told"


def test_what_libraries_know_of_the_warm_process_is_asked_anew(both: Both) -> None:
    body = """
        import multiprocessing.process, os, tempfile
        print(multiprocessing.process.ORIGINAL_DIR == os.getcwd(), tempfile.gettempdir())
        print(multiprocessing.current_process().authkey.hex())
    """
    (both.folder / "temporary").mkdir()
    temporary = str(both.folder / "temporary")
    outcomes = both(body, TMPDIR=temporary)
    first, again = (outcome.stdout.splitlines() for outcome in outcomes)
    assert first[0] == again[0] == f"True {temporary}"
    assert first[1] != again[1]


def test_whoever_keeps_main_from_its_import_on_has_the_scripts(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "keeps.py").write_text("import multiprocessing\nkept = __import__('__main__')\n")
    path = variables(PYTHONPATH=str(packages))
    warm, cold = Supervised("keeps", environment=path), Supervised(environment=path)
    both = Both(warm, cold, tmp_path)
    outcomes = both(
        "import keeps, sys\n"
        "print([m is sys.modules['__main__'] for m in (keeps.kept, sys.modules['__mp_main__'])])\n",
        PYTHONPATH=str(packages),
    )
    warm.close()
    cold.close()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].stdout == "[True, True]\n"


def test_an_error_of_ours_is_shown_and_the_supervisor_goes_on(both: Both) -> None:
    script = both.script("print('never')")
    environment = {**variables(), "SYNEBENCH_ATTEMPT": str(both.folder / "gone.json")}
    outcome = both.warm.run(script, environment=environment)
    assert outcome.code == 1
    assert outcome.stdout == ""
    assert "TrialError: SYNEBENCH_ATTEMPT is" in outcome.stderr
    assert both.warm.run(script, environment=variables()).stdout == "never\n"


FORKS = """
import os, sys
from pytest_synebench.backends.supervisor.warm import child, warmth
from pytest_synebench.backends.supervision.wire import Order

warmth.warm_up(["shared"])
import shared
environment = {**os.environ, "TMPDIR": os.environ["OTHER"]}
order = Order(script=sys.argv[1], arguments=(), environment=environment, directory=os.getcwd(),
              interpreter=None)
for _ in range(2):
    pid = os.fork()
    if not pid:
        out, extra = os.dup(1), os.open(os.devnull, os.O_RDONLY)
        child.become(order, out, os.dup(2), os.dup(1), [extra])
    os.waitpid(pid, 0)
print(os.path.exists(shared.directory.name), flush=True)
"""


def test_what_the_warm_process_releases_at_its_end_its_copies_keep(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text(
        "import tempfile; directory = tempfile.TemporaryDirectory()"
    )
    script = tmp_path / "train" / "train.py"
    script.parent.mkdir()
    script.write_text(
        textwrap.dedent("""
            import os, shared, tempfile, weakref
            mine = tempfile.TemporaryDirectory()
            print(os.path.exists(shared.directory.name), len(os.listdir("/proc/self/fd")))
            print(mine.name)
        """)
    )
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(script)],
        env=variables(PYTHONPATH=str(tmp_path), OTHER=str(script.parent)),
        capture_output=True,
        text=True,
        check=True,
    )
    first, own, again, other, after = done.stdout.splitlines()
    assert (first, again, after) == ("True 5", "True 5", "True"), done.stderr
    assert Path(own).parent == Path(other).parent == script.parent
    assert not Path(own).exists()
    assert not Path(other).exists()
