"""What of this project travels with every job, beside the user's code.

Invariants (tests/backends/sagemaker/test_travelling.py holds each one):
- what travels with an attempt runs a job where nothing but Python 3.10 and boto3 is installed:
  whatever a file of it imports of ours travels too;
- what travels with a tuner is what pip installs, entry points included.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

from pytest_synebench.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[2]
_DISTRIBUTION = "pytest-synebench"
_FILES = ("__init__", "errors", "clock", "durable", "channel", "trial")
_FOLDERS = ("space", "training")
_CHECKPOINTS = (
    "__init__",
    "together",
    "hashing",
    "settled",
    "names",
    "manifest",
    "protocol",
    "freezing",
)
_BENCHMARKS = f"{_PACKAGE.name}.benchmarks"  #: lies elsewhere in a checkout
ENTRY = _PACKAGE / "training" / "entrypoint" / "entry.py"


def travelling() -> dict[str, bytes]:
    """Return the files of an attempt's job, by the names that they have beside the user's code."""
    paths = [_PACKAGE / f"{name}.py" for name in _FILES]
    paths += [_PACKAGE / "checkpoints" / f"{name}.py" for name in _CHECKPOINTS]
    paths += (_PACKAGE / "checkpoints" / "s3").glob("*.py")
    for folder in _FOLDERS:
        paths += (_PACKAGE / folder).rglob("*.py")
    return {
        path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in sorted(paths)
    }


def everything() -> dict[str, bytes]:
    """Return all files of the package, and what says that it is installed, by their names.

    Raises:
        UsageError: it is not installed here.
    """
    out = {f"{_PACKAGE.name}/{name}": data for name, data in _below(_PACKAGE)}
    for name, data in _below(benchmarks()):
        out[f"{_BENCHMARKS.replace('.', '/')}/{name}"] = data
    try:
        installed = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise UsageError(
            f"{_DISTRIBUTION} is not installed here, so what it needs in a job is not known: pip "
            "install it"
        ) from None
    folder = f"{_PACKAGE.name}-{installed.version}.dist-info"
    for name in ("METADATA", "entry_points.txt"):
        out[f"{folder}/{name}"] = (installed.read_text(name) or "").encode()
    return out


def benchmarks() -> Path:
    """Return the folder of the shipped benchmarks."""
    (folder,) = import_module(_BENCHMARKS).__path__
    return Path(folder)


def beside(path: Path) -> str:
    """Return the name that a file of the package has in a job; "": it is none."""
    for root, name in ((benchmarks(), _BENCHMARKS.replace(".", "/")), (_PACKAGE, _PACKAGE.name)):
        if path.resolve().is_relative_to(root.resolve()):
            return f"{name}/{path.resolve().relative_to(root.resolve()).as_posix()}"
    return ""


def _below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
