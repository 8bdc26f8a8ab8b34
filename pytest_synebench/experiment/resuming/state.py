"""What a checkpoint holds, as far as it can be read: JSON, tensors, arrays; the rest as bytes.

Invariants (tests/experiment/resuming/test_state.py):
- files with equal bytes are equal, whatever they hold, and are not read further;
- nothing is executed by reading: no pickle;
- a file that cannot be read is compared by its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from pytest_synebench.checkpoints import manifest
from pytest_synebench.training import random_state

Same: TypeAlias = Callable[[object, object], bool]
Found: TypeAlias = tuple[str, str, str]  #: path, value, other value
PREFIX = "checkpoint: "  #: begins the key of what a checkpoint holds
RANDOM = f"{PREFIX}{random_state.NAME}"
_SHOWN = 60
_TENSORS = {".pt", ".pth"}
_ABSENT = "nothing"


def parts_of(checkpoint: Path) -> dict[str, Path]:
    """Return the files of a checkpoint, by name."""
    found = (path for path in sorted(checkpoint.rglob("*")) if path.is_file())
    named = {str(path.relative_to(checkpoint)): path for path in found}
    named.pop(manifest.NAME, None)
    # What is drawn at random follows from the rest: what the script itself saved comes first.
    return dict(sorted(named.items(), key=lambda item: item[0] == random_state.NAME))


def first_difference(
    mine: Mapping[str, Path], other: Mapping[str, Path], same: Same, ignored: frozenset[str]
) -> Found | None:
    """Return key, value and other value of the first thing that two checkpoints differ in."""
    for name in dict.fromkeys((*mine, *other)):
        key = PREFIX + name
        if key in ignored:
            continue
        if name not in mine or name not in other:
            was, now = ("a file" if name in one else _ABSENT for one in (mine, other))
            return key, was, now
        one, two = mine[name].read_bytes(), other[name].read_bytes()
        if one == two:
            continue
        if name == random_state.NAME:
            yielded = _generators(read(mine[name]), read(other[name]))
        else:
            yielded = _differences(read(mine[name]), read(other[name]), same)
        for path, a, b in yielded:
            if (full := f"{key}: {path}" if path else key) not in ignored:
                return full, a, b
    return None


def keys_of(checkpoint: Path) -> list[str]:
    """Return what a checkpoint holds, per file: ``state.json: epoch, weights``."""
    out = []
    for name, path in parts_of(checkpoint).items():
        held = read(path)
        inner = list(held) if isinstance(held, dict) else []
        if isinstance(held, dict) and isinstance(held.get("mutable"), dict):
            inner = [key for key in inner if key not in {"schema", "mutable"}] + [*held["mutable"]]
        out.append(f"{name} ({', '.join(map(str, inner))})" if inner else name)
    return [one for one in out if not one.startswith(random_state.NAME)]


def read(path: Path) -> Any:
    """Return what a file holds: JSON, tensors by name, arrays by name; else a hash of its bytes."""
    try:
        if path.suffix == ".json":
            return json.loads(path.read_bytes())
        if path.suffix in _TENSORS:
            import torch

            return torch.load(path, map_location="cpu", weights_only=True)
        if path.suffix in {".npz", ".npy"}:
            import numpy as np

            held = np.load(path, allow_pickle=False)
            return dict(held) if path.suffix == ".npz" else held
    except Exception:  # each reader has its own errors, and torch may not be installed
        return _hash(path)
    return _hash(path)


def _hash(path: Path) -> str:
    return f"SHA-256 {sha256(path.read_bytes()).hexdigest()[:12]}…"


def _differences(one: Any, other: Any, same: Same, path: str = "") -> Iterator[Found]:
    """Yield path, value and other value of everything that differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            pair = one.get(key, _ABSENT), other.get(key, _ABSENT)
            yield from _differences(*pair, same, f"{path}.{key}" if path else str(key))
    elif _is_list(one) and _is_list(other) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(*pair, same, f"{path}[{i}]")
    elif hasattr(one, "shape") and hasattr(other, "shape"):
        yield from _arrays(one, other, same, path)
    elif not same(one, other):
        yield path, _shown(one), _shown(other)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _generators(one: Any, other: Any) -> Iterator[Found]:
    """Yield each generator that both have and whose next numbers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one:
            if name in other and one[name] != other[name]:
                yield name, "these numbers follow", "others follow"


def _arrays(one: Any, other: Any, same: Same, path: str) -> Iterator[Found]:
    if tuple(one.shape) != tuple(other.shape) or str(one.dtype) != str(other.dtype):
        was, now = (f"{held.dtype} {tuple(held.shape)}" for held in (one, other))
        yield path, was, now
        return
    pairs = zip(one.reshape(-1).tolist(), other.reshape(-1).tolist(), strict=True)
    for i, (a, b) in enumerate(pairs):
        if not same(a, b):
            yield f"{path}[{i}]", _shown(a), _shown(b)
            return


def _shown(value: object) -> str:
    if value is _ABSENT:
        return _ABSENT
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 2] + ".."
