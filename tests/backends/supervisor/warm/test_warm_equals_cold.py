"""A forked attempt and one in a process of its own: what comes out is the same, to the byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_runs import Both, Outcome, Supervised, variables

MODULES = (
    "argparse",
    "logging",
    "multiprocessing",
    "numpy",
    "pickle",
    "pytest_synebench.training",
    "subprocess",
    "tempfile",
    "torch",
    "torch.nn?",
)


@pytest.fixture(scope="module")
def supervisors() -> Iterator[tuple[Supervised, Supervised]]:
    warm, cold = Supervised(*MODULES), Supervised()
    yield warm, cold
    warm.close()
    cold.close()


@pytest.fixture
def both(supervisors: tuple[Supervised, Supervised], tmp_path: Path) -> Both:
    return Both(*supervisors, tmp_path)


def test_it_is_warm(supervisors: tuple[Supervised, Supervised]) -> None:
    assert supervisors[0].first == {"is": "warm"}


NUMBERS = """
    import random
    first = random.random()
    import numpy, torch
    print(first, random.random(), numpy.random.rand(3), torch.rand(3))
    layer = torch.nn.Linear(20, 10)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        loss = layer(torch.rand(8, 20)).pow(2).mean()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
    print(loss.item().hex(), random.random(), numpy.random.rand(), torch.rand(1).item())
    print(torch.initial_seed(), torch.get_num_threads())
    print({"a", "b", "lr", "momentum", "epochs"}, hash("synebench"))
"""

WORLD = """
    import os, sys
    print({n: v for n, v in os.environ.items() if n != "SYNEBENCH_PARENT"})
    os.system("env | grep -v SYNEBENCH_PARENT | grep -v '^_=' | sort")
    print(os.environ["SYNEBENCH_PARENT"] == str(os.getppid()), os.getcwd())
    print(sys.argv, sys.orig_argv, sys.path, sys.flags, sys.warnoptions)
    main = sys.modules["__main__"]
    print(main, vars(main) is globals(), [(n, v) for n, v in globals().items() if n != "main"])
    print(sys.stdin.read() == "", sys.stdin.fileno(), sorted(os.listdir("/proc/self/fd"))[:4])
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        print(stream, stream.buffer, stream.errors, stream.line_buffering, stream.write_through)
    import signal, threading
    print({s: signal.getsignal(s) for s in signal.valid_signals() if signal.getsignal(s)})
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), threading.enumerate()[0].name)
    print(threading.main_thread() is threading.current_thread(), threading.active_count())
"""

BUFFERS = """
    import sys
    sys.stdout.write("text ")
    sys.stdout.buffer.write(b"bytes first\\n")
    sys.stderr.write("no line end")
    print(sys.stdout.buffer.tell() if sys.stdout.seekable() else "", end="")
"""

ARGUMENTS = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, help="rate")
    print(parser.parse_args())
"""

LOGGING = """
    import logging, sys, warnings
    logging.basicConfig(level="INFO", stream=sys.stdout, format="%(levelname)s %(process)d"[:13])
    logging.info("hello")
    logging.getLogger("mine").warning("careful")
    for _ in range(2):
        warnings.warn("first")
        warnings.warn("old", DeprecationWarning)
    handler = logging.FileHandler("log.txt", mode="w")
    logging.getLogger().addHandler(handler)
    logging.info("kept")
    print(open("log.txt").read())
"""

PROCESSES = """
    import multiprocessing, os, subprocess, sys
    class Square:
        def __init__(self, x): self.area = x * x
    def work(x): return x * x, __name__, os.getcwd() == os.environ["PWD_WANTED"]
    if __name__ == "__main__":
        os.environ["PWD_WANTED"] = os.getcwd()
        for method in ("spawn", "fork"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                print(pool.map(work, [3, 4]), [square.area for square in pool.map(Square, [5])])
        print(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout)
        sys.stdout.flush()
        pid = os.fork()
        print("child" if not pid else "parent", flush=True) if not pid else os.waitpid(pid, 0)
        if not pid:
            raise SystemExit(5)
        process = multiprocessing.Process(target=print, args=("at the end",))
        process.start()
        process.join()
"""

THREADS = """
    import atexit, threading
    ready = threading.Event()
    def later():
        ready.wait()
        print("from a thread")
    threading.Thread(target=later).start()
    stuck = threading.Thread(target=threading.Event().wait, daemon=True)
    stuck.start()
    atexit.register(print, "at exit")
    out = open("unclosed.txt", "w")
    out.write("x" * 100)
    print("main is done")
    ready.set()
"""

PICKLES = """
    import pickle
    class Config:
        def __init__(self): self.lr = 1
    print(pickle.dumps(Config()), pickle.loads(pickle.dumps(Config())).lr)
"""

REPORTS = """
    from pytest_synebench.training import Reporter
    report = Reporter()
    for epoch in range(1, 4):
        report(epoch=epoch, loss=1 / epoch)
"""

PLAIN = {
    "numbers": NUMBERS,
    "world": WORLD,
    "buffers": BUFFERS,
    "arguments": ARGUMENTS,
    "logging": LOGGING,
    "processes": PROCESSES,
    "threads": THREADS,
    "pickles": PICKLES,
    "reports": REPORTS,
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_attempt_is_the_same_both_ways(both: Both, name: str) -> None:
    warm, cold = both(PLAIN[name], "--lr", "0.5")
    assert warm == cold
    assert warm.stderr == "" or name in ("buffers", "logging")
    assert warm.code == 0
    assert warm.stdout or name == "reports"


ENDS = {
    "pass": 0,
    "import sys; sys.exit(7)": 7,
    "import sys; sys.exit(-1)": 255,
    "import sys; sys.exit(2**70)": 255,
    "import sys; sys.exit(True)": 1,
    "raise SystemExit('bad config')": 1,
    "raise SystemExit(('a', 1))": 1,
    "1 / 0": 1,
    "if:": 1,
    "def f(): return 1 / 0\nf()": 1,
    "import torch\ntorch.ones(2) @ torch.ones(3)": 1,
    "import asyncio\nraise asyncio.CancelledError": 1,
    "raise ExceptionGroup('g', [ValueError(1)])": 1,
    "raise KeyboardInterrupt": -2,
    "import os; os.kill(os.getpid(), 2)": -2,
    "import os; os.kill(os.getpid(), 15)": -15,
    "import os; os.abort()": -6,
    "import os; os._exit(9)": 9,
    "import atexit; atexit.register(print, 'bye'); 1 / 0": 1,
    "import atexit\nclass C:\n def __init__(self): 1 / 0\natexit.register(C)": 0,
    "import sys; sys.excepthook = lambda *a: print('hooked'); 1 / 0": 1,
    "import sys; sys.stdout = open('out.txt', 'w'); print('x')": 0,
    "import sys; sys.stdout.close()": 0,
    "import sys; sys.stdout = None": 0,
    "import no_such_module": 1,
    "import sys; del sys.modules['__main__']": 0,
    "import threading\ndef f(): 1 / 0\nthreading.Thread(target=f, name='t').start()": 0,
}


@pytest.mark.parametrize("body", ENDS)
def test_an_end_is_the_same_both_ways(both: Both, body: str) -> None:
    warm, cold = both(body)
    assert warm == cold
    assert warm.code == ENDS[body]
    assert "pytest_synebench" not in warm.stderr


def test_output_that_nobody_takes_is_the_same_both_ways(both: Both) -> None:
    outcomes = []
    for way in (both.warm, both.cold):
        reads, writes = os.pipe()
        os.close(reads)
        script = both.script("print('x')")
        outcomes.append(way.run(script, environment=both.attempt(script), stdout=writes))
        os.close(writes)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].code == 120


def test_files_that_are_still_open_are_written_out(both: Both) -> None:
    body = """
        import gzip, torch
        one = open("one.txt", "w")
        one.write("1")
        torch.kept_by_a_library = open("two.txt", "w")
        torch.kept_by_a_library.write("2")
        def three(): return one
    """
    warm, cold = both(body)
    assert warm == cold == Outcome(0, "", "", b"")
    for name in ("one", "two"):
        assert len((both.folder / f"{name}.txt").read_text()) == 1


def test_whatever_the_script_holds_is_let_go(both: Both) -> None:
    # In which order that happens is nobody's promise.
    (both.folder / "beside.py").write_text("")
    body = """
        import beside
        class Last:
            def __del__(self): print("gone")
        held, beside.kept = Last(), Last()
        ring = [Last()]
        ring.append(ring)
        held_by_a_function = Last()
        def function(): return held_by_a_function
    """
    warm, cold = both(body)
    assert warm == cold
    assert warm.stdout == "gone\n" * 4


def test_output_without_a_buffer_is_the_same_both_ways(tmp_path: Path) -> None:
    environment = variables(PYTHONUNBUFFERED="1")
    warm, cold = Supervised("json", environment=environment), Supervised(environment=environment)
    both = Both(warm, cold, tmp_path)
    body = "import os, sys; print(sys.stdout.buffer, 1); print('x', end=''); os._exit(0)"
    unbuffered = both(body, PYTHONUNBUFFERED="1")
    warm.close()
    cold.close()
    assert unbuffered[0] == unbuffered[1]
    assert unbuffered[0].stdout.endswith("1\nx")


def test_numbers_come_from_the_seed(both: Both) -> None:
    script = both.script("import random, torch; print(random.random(), torch.rand(1))")
    first, again, other = (
        both.warm.run(script, environment=both.attempt(script, seed=seed)).stdout
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_an_error_before_the_script_is_shown_and_ends_the_process(both: Both) -> None:
    script = both.script("print('never')")
    wrong = variables(SYNEBENCH_ATTEMPT="/nowhere/attempt.json")
    warm, cold = (way.run(script, environment=wrong) for way in (both.warm, both.cold))
    assert (warm.code, warm.stdout) == (cold.code, cold.stdout) == (1, "")
    assert warm.stderr.splitlines()[-1] == cold.stderr.splitlines()[-1]
    assert "does not describe an attempt" in warm.stderr
    assert both.warm.run(script).stdout == "never\n"
