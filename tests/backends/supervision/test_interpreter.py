"""The command line of an interpreter that runs a module of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_synebench.backends.supervision.interpreter import command


def ran(folder: Path, *flags: str) -> str:
    """Return what a module prints that is run from a folder with a ``json.py`` in it."""
    ours = folder / "packages" / "ours"
    ours.mkdir(parents=True)
    (ours / "__init__.py").write_text("")
    (ours / "module.py").write_text("import sys, json\ndef main(): print(sys.argv, sys.path[0])")
    (folder / "json.py").write_text("raise SystemExit('the one in the current folder')")
    program, *rest = command(sys.executable, "ours.module", "a b", "--c")
    return subprocess.run(
        [program, *flags, *rest],
        cwd=folder,
        env={"PYTHONPATH": str(ours.parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_files_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    assert ran(tmp_path) == "['-c', 'a b', '--c'] /dev/null\n"


def test_where_python_puts_no_folder_first_none_is_replaced(tmp_path: Path) -> None:
    assert ran(tmp_path, "-P") == f"['-c', 'a b', '--c'] {tmp_path / 'packages'}\n"


def test_the_modules_name_is_in_the_command_line() -> None:
    line = command("python3", "a.b", "c", "d e")
    assert line[:2] == ["python3", "-c"]
    assert "a.b" in line[2]
    assert line[3:] == ["c", "d e"]
