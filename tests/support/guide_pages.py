"""Pages of the guide, cut into blocks: what is shown, what is run, what is written to a file.

An info string says which: ```console``` blocks hold commands behind ``$`` and, below each, what it
prints; ```python``` is run; ``file=NAME`` in an info string writes a file; ```text``` and the rest
are shown only. In printed lines ``...`` stands for anything; between two lines anything may stand.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
RUN = {"console", "python"}
SHOWN = {"text", "diff", "json", "yaml", "pycon"}  # pycon: doctests, run by a test beside the code
_FENCE = re.compile(r"^```(.*)$")
_FILES_OF = re.compile(r"^<!-- with the files of (.+) -->$", re.MULTILINE)
_PROGRAMS = {"pytest": ("-m", "pytest"), "python": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int  #: of its first fence
    info: tuple[str, ...]
    text: str

    @property
    def language(self) -> str:
        """The first word of the info string."""
        return self.info[0] if self.info else ""

    def option(self, name: str) -> str:
        """Return the value of ``name=value`` in the info string, or ""."""
        return next((i.partition("=")[2] for i in self.info if i.startswith(f"{name}=")), "")

    @property
    def place(self) -> str:
        """page:line, for a message."""
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One ``$`` line of a console block, and what it is said to print."""

    line: str
    printed: tuple[str, ...]

    @property
    def program(self) -> str:
        """The first word."""
        return self.line.split(maxsplit=1)[0]

    def argv(self) -> list[str]:
        """Return what to start; the tests' own interpreter stands in for ``python``."""
        name, *rest = shlex.split(self.line, comments=True)
        return [sys.executable, *_PROGRAMS[name], *rest]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found, info, start, lines = [], "", 0, list[str]()
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and not start:
            info, start, lines = fence[1], number, []
        elif fence:
            text = "".join(f"{one}\n" for one in lines)
            found.append(Block(page=page, line=start, info=tuple(info.split()), text=text))
            start = 0
        elif start:
            lines.append(line)
    if start:
        raise ValueError(f"{page.name}:{start}: this block is not closed")
    return found


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block."""
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]
    for part in parts:
        line, *printed = part.splitlines()
        yield Command(line, tuple(one for one in printed if one.strip()))


def project_of(page: Path) -> dict[str, str]:
    """Return the files that a page starts with: the first of each name on the pages it names."""
    named = _FILES_OF.search(page.read_text())
    files: dict[str, str] = {}
    for name in named[1].split() if named else ():
        for block in blocks(page.parent / name):
            if block.option("file"):
                files.setdefault(block.option("file"), block.text)
    return files


def environment() -> Mapping[str, str]:
    """Return the environment of a command: no options of the outer pytest, a wide terminal."""
    drop = {"PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"}
    kept = {key: value for key, value in os.environ.items() if key not in drop}
    # These plugins change the order of items, or the lines at the top.
    plugins = "-p no:randomly -p no:hypothesispytest"
    # A page's ``python`` is the one that runs the tests, as in an environment that is activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    fixed = {"PATH": path, "PYTEST_ADDOPTS": plugins, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    return {**kept, **fixed}


def run_page(page: Path, folder: Path) -> None:
    """Write and run the blocks of a page in a folder, in order.

    Raises:
        AssertionError: a command ends or prints otherwise than the page says.
    """
    for name, text in project_of(page).items():
        write(folder, name, text)
    for block in blocks(page):
        if block.option("file"):
            write(folder, block.option("file"), block.text)
        elif block.language == "python":
            check(block, folder, [sys.executable, "-c", block.text], ())
        elif block.language == "console":
            for command in commands(block):
                if command.program in _PROGRAMS:
                    check(block, folder, command.argv(), command.printed)


def write(folder: Path, name: str, text: str) -> None:
    """Write a file of a page; its folders are made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check(block: Block, folder: Path, argv: list[str], printed: tuple[str, ...]) -> None:
    """Run a command and compare exit code and output with what the page says."""
    cwd = folder / (block.option("in") or ".")
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    told = f"{block.place}: {shlex.join(argv[1:])[:200]}\n{done.stdout}"
    assert done.returncode == int(block.option("exit") or 0), f"exit {done.returncode}\n{told}"
    missing = first_missing(printed, done.stdout)
    assert missing is None, f"not printed (in this order): {missing}\n{told}"


def first_missing(expected: tuple[str, ...], output: str) -> str | None:
    """Return the first expected line that the output lacks, in order; None: it has them all.

    >>> first_missing(("a ... c", "d"), "a b c\\nx\\nd")
    >>> first_missing(("d", "a b c"), "a b c\\nd")
    'a b c'
    """
    lines = iter(output.splitlines())
    for one in expected:
        pattern = ".*".join(map(re.escape, one.strip().split("...")))
        if not any(re.fullmatch(pattern, line.strip()) for line in lines):
            return one
    return None
