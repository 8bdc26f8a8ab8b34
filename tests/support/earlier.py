"""Checkpoints with hashes of one's choice: an earlier version's, or those of a forger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any


def canonical(told: object) -> bytes:
    """Return JSON as manifests are written."""
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def manifest_of(told: Mapping[str, Any]) -> bytes:
    """Return a manifest of trial 1, level 3, whose own hash is right."""
    whole = {"schema": 1, "trial": 1, "level": 3, **told}
    return canonical({**whole, "sha256": sha256(canonical(whole)).hexdigest()})


def earlier_checkpoint(checkpoints: Path, files: Mapping[str, bytes]) -> Path:
    """Write a checkpoint whose files are hashed as a whole, whatever their size."""
    saved = checkpoints / "00000003"
    saved.mkdir(parents=True)
    for name, data in files.items():
        (saved / name).write_bytes(data)
    told = {n: {"sha256": sha256(d).hexdigest(), "size": len(d)} for n, d in files.items()}
    (saved / "manifest.json").write_bytes(manifest_of({"files": told}))
    return saved
