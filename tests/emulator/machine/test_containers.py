from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_synebench.emulator.machine import containers
from pytest_synebench.emulator.machine.containers import LINE_BYTES, Engine, NotStartedError, Order
from pytest_synebench.errors import UsageError

PATH = {"PATH": f"{Path(os.sys.executable).parent}:{os.defpath}"}  # type: ignore[attr-defined]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def order(folder: Path, *argv: str, network: bool = True) -> Order:
    root = folder / f"c{len(list(folder.iterdir()))}"
    containers.lay_out(root)
    return Order(root=root, argv=argv, environment=PATH, network=network)


def printed(engine: Engine, told: Order) -> tuple[int, list[str]]:
    lines: list[str] = []
    return engine.attend(engine.run(told), lines.extend), lines


def test_a_program_is_process_1_and_finds_its_folders_at_opt_ml(
    engine: Engine, tmp_path: Path
) -> None:
    told = order(tmp_path, "sh", "-c", "echo $$; pwd; ls; ls /proc | grep -c '^[0-9]'")
    code, lines = printed(engine, told)
    assert (code, lines[:2]) == (0, ["1", "/opt/ml"])
    assert lines[2:-1] == ["checkpoints", "code", "input", "model", "output"]
    assert int(lines[-1]) <= 3  # itself, ls and grep: nobody else's processes


def test_what_lay_in_opt_is_still_there(engine: Engine, tmp_path: Path) -> None:
    _, lines = printed(engine, order(tmp_path, "ls", "/opt"))
    there = {path.name for path in Path("/opt").iterdir() if not path.is_symlink()}
    assert set(lines) == there | {"ml"}


def test_a_container_finds_itself_by_its_name(engine: Engine, tmp_path: Path) -> None:
    told = order(tmp_path, "getent", "hosts", "algo-1")
    assert "algo-1" in "".join(printed(engine, told)[1])


def test_what_a_program_leaves_behind_dies_with_it(engine: Engine, tmp_path: Path) -> None:
    tag = f"left-behind-{os.getpid()}"
    script = f"setsid sh -c 'exec -a {tag} sleep 1000' >/dev/null 2>&1 & sleep 0.05; echo on"
    code, lines = printed(engine, order(tmp_path, "bash", "-c", script))
    assert (code, lines) == (0, ["on"])
    assert processes(tag) == []


def processes(tag: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = path.read_bytes()
        except OSError:
            continue
        if tag.encode() in told:
            found.append(path.parent.name)
    return found


def test_sigterm_reaches_the_program_even_if_sent_at_once(engine: Engine, tmp_path: Path) -> None:
    script = "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.01; done"
    container = engine.run(order(tmp_path, "bash", "-c", script))
    lines: list[str] = []

    def take(new: list[str]) -> None:
        lines.extend(new)
        if "ready" in new:
            container.terminate()

    assert engine.attend(container, take) == 5
    assert lines == ["ready", "term"]


def test_process_1_without_a_handler_survives_sigterm_and_is_killed(
    engine: Engine, tmp_path: Path
) -> None:
    container = engine.run(order(tmp_path, "sleep", "1000"))
    ended: list[int] = []
    attending = threading.Thread(
        target=lambda: ended.append(engine.attend(container, lambda _: None))
    )
    attending.start()
    container.terminate()
    attending.join(0.2)
    assert ended == []  # as in any container: the kernel spares process 1
    container.kill()
    attending.join(60)
    assert ended == [137]


def test_lines_are_told_however_long_or_broken(engine: Engine, tmp_path: Path) -> None:
    script = (
        f"import os; os.write(1, b'x' * {LINE_BYTES + 10}); os.write(1, b'\\n\\xff\\n'); "
        "os.write(2, b'\\nno end')"
    )
    code, lines = printed(engine, order(tmp_path, "python3", "-c", script))
    assert code == 0
    assert len("".join(lines[:-3])) == LINE_BYTES + 10
    assert lines[-3:] == ["\N{REPLACEMENT CHARACTER}", "", "no end"]


def test_without_network_there_is_none(engine: Engine, tmp_path: Path) -> None:
    script = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    _, lines = printed(engine, order(tmp_path, "python3", "-c", script, network=False))
    assert "Network is unreachable" in lines[-1]


def test_a_program_that_is_not_there_is_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NotStartedError, match=r"No such file or directory: .*/no-such-program"):
        engine.run(order(tmp_path, "no-such-program"))


def test_a_machine_without_namespaces_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    containers.check_machine(tmp_path)
    program = tmp_path / "inside.py"
    program.write_text("import json, os, sys\n"
                       "told = json.load(open(sys.argv[1]))\n"
                       "os.write(told['status'], b'Operation not permitted')\n")  # fmt: skip
    monkeypatch.setattr(containers, "_PROGRAM", program)
    with pytest.raises(UsageError, match=r"Operation not permitted.*userns_clone=1"):
        containers.check_machine(tmp_path)
