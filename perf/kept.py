"""What checkpoints cost: on the disk, on their way to S3, and to the trial that goes on meanwhile.

Ours and what it is compared with take turns within one process, ``PAIRS`` times; figures are
medians. S3 is moto, in a process of its own on loopback: a server that is slow and near, so what
is measured is what the client costs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from bench import HERE, Bench

ROWS: Mapping[str, Mapping[str, Any]] = {
    "checkpoint": {
        "title": "pause → resume on the local store, 200 MB",
        "what": "A state of 200 MB in one file, saved by `torch.save` into a checkpoint (read and "
        "hashed, manifest, fsync, rename), looked at by the controller as at a pause (nothing has "
        "written to it since), then compared byte for byte and read by `torch.load` as at a "
        "resume; against `torch.save`, fsync and `torch.load` of the same state, and without the "
        "fsync, which survives no power cut.",
        "columns": {
            "ratio": "wall / torch.save + fsync + load",
            "bare_ratio": "wall / torch.save + load",
            "ours_s": "wall s",
            "cpu_ms": "CPU ms",
            "theirs_cpu_ms": "CPU ms of torch",
        },
        "goal": "≤ 1.3",
        "limit": 1.3,
    },
    "upload": {
        "title": "upload of a checkpoint",
        "what": "A checkpoint of one file of 64 MB is kept in a bucket (looked for, sent with its "
        "SHA-256, manifest last), against `upload_file` of boto3 at its defaults (which sends a "
        "CRC32), of a file of that size, on the same server, moto. Throughput of ours over that "
        "of boto3.",
        "columns": {
            "ratio": "throughput / boto3's",
            "ours_mb_s": "MB/s",
            "theirs_mb_s": "MB/s of boto3",
        },
        "goal": "≥ 0.9",
        "limit": None,
    },
    "background": {
        "title": "a trial whose checkpoints are uploaded meanwhile",
        "what": "One worker, one trial of 20 levels with a checkpoint of 8 MB at each. CPU of the "
        "trial's own process with `--checkpoint_store s3://…` against without.",
        "columns": {
            "ratio": "CPU with upload / without",
            "with_s": "CPU s with upload",
            "without_s": "CPU s without",
        },
        "goal": "≤ 1.05",
        "limit": 1.05,
    },
}
_MEGABYTES = {"checkpoint": (200, 20), "upload": (64, 16), "background": (8, 2)}
PAIRS = 5


def take(bench: Bench, *, row: str) -> Mapping[str, float]:
    """Measure a row once."""
    folder = bench.fresh()
    out = folder / "outcome.json"
    megabytes = _MEGABYTES[row][bench.quick]
    pairs = 2 if bench.quick else PAIRS
    command = [sys.executable, str(HERE / "kept_driver.py"), row, str(megabytes), str(pairs)]
    bench.measure([*command, str(out)], cwd=folder)
    figures: Mapping[str, float] = json.loads(out.read_text())
    return figures


TAKES = {row: partial(take, row=row) for row in ROWS}
