"""Refuses large files, files of too many lines, and what looks like a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MAX_BYTES = 200_000
MAX_LINES = 400
SECRET = re.compile(
    rb"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY"
    rb"|(?i:aws_secret_access_key)\s*=\s*['\"][^'\"]{20,}"
)


def problems(path: Path) -> list[str]:
    """Return what is wrong with one file."""
    data = path.read_bytes()
    found = []
    if len(data) > MAX_BYTES:
        found.append(f"{path}: {len(data)} bytes; at most {MAX_BYTES}")
    if path.suffix == ".py" and data.count(b"\n") > MAX_LINES:
        found.append(f"{path}: more than {MAX_LINES} lines; split it")
    if SECRET.search(data):
        found.append(f"{path}: looks like a secret")
    return found


def main() -> int:
    """Check every tracked file; print each problem."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    files = [Path(name) for name in listed.decode().split("\0") if name]
    found = [text for path in files if path.is_file() for text in problems(path)]
    sys.stdout.writelines(f"{text}\n" for text in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
