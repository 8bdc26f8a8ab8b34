"""Programs that suggest configs, good and evil, for tests of the external searcher."""

from __future__ import annotations

import sys
from pathlib import Path

#: Suggests x = number / 100, and writes every line that it is told to stderr.
GOOD = """
import json, sys

for line in sys.stdin:
    sys.stderr.write(line)
    told = json.loads(line)
    if "ask" in told:
        print(json.dumps({"answer": told["ask"], "config": {"x": told["ask"] / 100}}))
"""


def saying(text: str) -> str:
    """Return a program that answers each ask with a text, in which N stands for the number."""
    return f"""
import json, sys

for line in sys.stdin:
    told = json.loads(line)
    if "ask" in told:
        print({text!r}.replace("N", str(told["ask"])))
"""


def command(folder: Path, program: str = GOOD) -> str:
    """Write a program and return the command that runs it."""
    path = folder / "my searcher.py"
    path.write_text(program)
    return f"{sys.executable} '{path}'"
