"""What of this project travels with every job, beside the user's code.

Invariants (tests/backends/sagemaker/test_travelling.py holds each one):
- what travels runs a job where nothing but Python 3.10 and boto3 is installed.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_FILES = ("__init__", "errors", "durable", "channel", "trial")
_FOLDERS = ("space", "training")
_CHECKPOINTS = ("__init__", "together", "hashing", "names", "manifest", "protocol", "freezing")
ENTRY = _PACKAGE / "training" / "entrypoint" / "entry.py"


def travelling() -> dict[str, bytes]:
    """Return the files, by the names that they have beside the user's code."""
    paths = [_PACKAGE / f"{name}.py" for name in _FILES]
    paths += [_PACKAGE / "checkpoints" / f"{name}.py" for name in _CHECKPOINTS]
    paths += (_PACKAGE / "checkpoints" / "s3").glob("*.py")
    for folder in _FOLDERS:
        paths += (_PACKAGE / folder).rglob("*.py")
    return {
        path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in sorted(paths)
    }
