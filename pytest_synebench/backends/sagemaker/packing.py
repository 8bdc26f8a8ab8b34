"""The code of a job: the script's folder and what travels beside it, as one archive.

Invariants (tests/backends/sagemaker/test_packing.py holds each one):
- the same files give the same key, wherever and whenever they are packed, whoever owns them;
- one changed byte, name or executable bit gives another key;
- caches, hidden files, virtual environments and the results of runs are left out, and what leads
  out of the folder too;
- a folder that is no source is refused by its size, with its largest files.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pytest_synebench.errors import UsageError

LARGEST_BYTES = 100 * 2**20
_SKIPPED = frozenset({"__pycache__", "node_modules"})
_OF_ENVIRONMENTS = "pyvenv.cfg"  #: says that a folder is a virtual environment
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Packed code."""

    sha256: str  #: of the archive before it was compressed: its key in the bucket
    archive: bytes  #: tar, compressed by gzip


def pack(
    folder: Path, beside: Mapping[str, bytes] | None = None, leave: Collection[Path] = ()
) -> Source:
    """Pack a folder.

    Args:
        folder: holds the script.
        beside: more files, by their names in the archive; the folder has none of these.
        leave: folders that stay here, whatever they are called.

    Raises:
        UsageError: it is too large, or has a file that ``beside`` has.
    """
    files = {path.relative_to(folder).as_posix(): path for path in _walked(folder, leave)}
    _check_size(folder, files)
    twice = sorted(files.keys() & (beside or {}).keys())
    if twice:
        raise UsageError(
            f"{folder / twice[0]} has the name of a file that travels with every job; rename it"
        )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted([*files, *(beside or {})]):
            if name in files:
                body, executable = files[name].read_bytes(), os.access(files[name], os.X_OK)
            else:
                body, executable = (beside or {})[name], False
            archive.addfile(_member(name, len(body), executable=executable), io.BytesIO(body))
    plain = packed.getvalue()
    return Source(sha256=sha256(plain).hexdigest(), archive=gzip.compress(plain, mtime=0))


def _member(name: str, size: int, *, executable: bool) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)  # owner, time and the rest of the mode: those of nobody
    member.size = size
    member.mode = 0o755 if executable else 0o644
    return member


def _walked(folder: Path, leave: Collection[Path]) -> Iterator[Path]:
    root, left = folder.resolve(), {path.resolve() for path in leave}
    for path, folders, names in os.walk(folder):
        inner = {name: Path(path) / name for name in folders}
        folders[:] = [
            name
            for name, one in inner.items()
            if not _left_out(name)
            and one.resolve() not in left
            and not (one / _OF_ENVIRONMENTS).exists()
        ]
        for name in names:
            file = Path(path) / name
            inside = file.resolve().is_relative_to(root)
            if inside and file.is_file() and not _left_out(name) and file.suffix != ".pyc":
                yield file


def _left_out(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED


def _check_size(folder: Path, files: Mapping[str, Path]) -> None:
    sizes = sorted(((path.stat().st_size, name) for name, path in files.items()), reverse=True)
    total = sum(size for size, _ in sizes)
    if total > LARGEST_BYTES:
        largest = ", ".join(f"{name} ({size:,} bytes)" for size, name in sizes[:_SHOWN])
        raise UsageError(
            f"{folder} has {total:,} bytes; code that travels with jobs has at most "
            f"{LARGEST_BYTES:,}. The largest: {largest}. Put data elsewhere, or into hidden "
            "folders, which stay here"
        )
