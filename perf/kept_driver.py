"""Measures one row of ``kept.py``: ``python kept_driver.py ROW MEGABYTES PAIRS OUT``."""

from __future__ import annotations

import json
import os
import resource
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "support"))  # the S3 in another process

SCRIPT = """
import argparse, os, time

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
)

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--megabytes", type=int, required=True)
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
report, began = Reporter(), time.process_time()
for epoch in range(1, args.epochs + 1):
    sum(range(3_000_000))

    def save(path, epoch):
        with open(os.path.join(path, "weights"), "wb") as file:
            file.write(os.urandom(args.megabytes << 20))

    checkpoint_model_at_rung_level(vars(args), save, epoch)
    report(epoch=epoch, loss=args.x, cpu=time.process_time() - began)
"""

Work = Callable[[Path], None]


def timed(work: Work, folder: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of this process."""
    folder.mkdir(parents=True)
    began_s, cpu_s = time.perf_counter(), _cpu_s()
    work(folder)
    return time.perf_counter() - began_s, _cpu_s() - cpu_s


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def take_turns(works: dict[str, Work], pairs: int) -> dict[str, tuple[float, float]]:
    """Return the median of wall and CPU seconds of each; the first turn of all is for warming."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(pairs + 1):
        for name, work in works.items():
            found = timed(work, Path(f"{name}-{turn}"))
            if turn:
                seen[name].append(found)
    return {
        name: (statistics.median(w for w, _ in ones), statistics.median(c for _, c in ones))
        for name, ones in seen.items()
    }


def checkpoint(megabytes: int, pairs: int) -> dict[str, float]:
    """On the local store."""
    import torch

    from pytest_synebench.checkpoints import manifest
    from pytest_synebench.checkpoints.local import LocalStore

    state = {"weights": torch.rand(megabytes << 18)}  # of four bytes

    def ours(folder: Path) -> None:
        manifest.save(str(folder), 3, lambda part: torch.save(state, f"{part}/state.pt"), 1)
        found = LocalStore().newest(folder, 3, fresh=True)
        if found is None:
            raise SystemExit("what was saved is not whole")
        directory = manifest.directory_of(str(folder), 3)
        manifest.verify(directory, 3, 1)
        torch.load(f"{directory}/state.pt", weights_only=True)

    def bare(folder: Path) -> None:
        torch.save(state, folder / "state.pt")
        torch.load(folder / "state.pt", weights_only=True)

    def synced(folder: Path) -> None:
        torch.save(state, folder / "state.pt")
        fd = os.open(folder / "state.pt", os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        torch.load(folder / "state.pt", weights_only=True)

    seen = take_turns({"ours": ours, "synced": synced, "bare": bare}, pairs)
    return {
        "ratio": seen["ours"][0] / seen["synced"][0],
        "bare_ratio": seen["ours"][0] / seen["bare"][0],
        "ours_s": seen["ours"][0],
        "cpu_ms": seen["ours"][1] * 1000,
        "theirs_cpu_ms": seen["bare"][1] * 1000,
    }


def upload(megabytes: int, pairs: int) -> dict[str, float]:
    """To S3, by us and by boto3."""
    import boto3
    from s3_service import serving

    from pytest_synebench.checkpoints import manifest
    from pytest_synebench.checkpoints.protocol import Place
    from pytest_synebench.checkpoints.s3.archive import S3Archive
    from pytest_synebench.trial import TrialId

    with serving("plain") as service:
        os.environ.update(service.environment)
        client = boto3.client("s3")
        client.create_bucket(Bucket="perf")
        archive = S3Archive("s3://perf/ours")
        data: dict[Path, Path] = {}

        def write(path: str) -> None:
            Path(path, "weights").write_bytes(os.urandom(megabytes << 20))

        for turn in range(pairs + 1):  # beforehand: it is no part of an upload
            manifest.save(f"saved-{turn}", 3, write, 1)
            data[Path(f"ours-{turn}")] = Path(f"saved-{turn}/00000003")
            Path(f"file-{turn}").write_bytes(os.urandom(megabytes << 20))
            data[Path(f"theirs-{turn}")] = Path(f"file-{turn}")

        def ours(folder: Path) -> None:
            archive.keep(data[folder], Place(TrialId(1), int(folder.name[5:]), 3))

        def theirs(folder: Path) -> None:
            client.upload_file(str(data[folder]), "perf", f"theirs/{secrets.token_hex(8)}")

        seen = take_turns({"ours": ours, "theirs": theirs}, pairs)
    return {
        "ratio": seen["theirs"][0] / seen["ours"][0],
        "ours_mb_s": megabytes / seen["ours"][0],
        "theirs_mb_s": megabytes / seen["theirs"][0],
    }


def background(megabytes: int, pairs: int) -> dict[str, float]:
    """While a trial goes on."""
    from s3_service import serving

    with serving() as service:
        os.environ.update(service.environment)
        import boto3

        boto3.client("s3").create_bucket(Bucket="perf")
        Path("train.py").write_text(SCRIPT)
        seen: dict[str, list[float]] = {"s3://perf": [], "local": []}
        for _ in range(pairs):
            for store, found in seen.items():
                found.append(_cpu_of_a_trial(store, megabytes))
    with_s, without_s = map(statistics.median, seen.values())
    return {"ratio": with_s / without_s, "with_s": with_s, "without_s": without_s}


def _cpu_of_a_trial(store: str, megabytes: int) -> float:
    from engine import make_plan

    from pytest_synebench.experiment.run import Run

    params: dict[str, Any] = {
        "scheduler": "fifo",
        "num_workers": 1,
        "num_trials": 1,
        "checkpointing": "every",
        "checkpoint_store": store,
    }
    space = {"epochs": 20, "megabytes": megabytes}
    run = Run.open(make_plan(Path("train.py").resolve(), space, **params), root=Path("root"))
    while not run.done:
        run.pump(10.0)
    run.close()
    (trial,) = run.trials.values()
    if len(trial.reports) != 20:
        raise SystemExit(f"the trial ended early: {trial.reason} {run.remarks}")
    return float(trial.reports[-1].metrics["cpu"] or 0)


def main() -> None:
    """Measure the row of the command line."""
    row, megabytes, pairs, out = sys.argv[1:]
    take = {"checkpoint": checkpoint, "upload": upload, "background": background}[row]
    Path(out).write_text(json.dumps(take(int(megabytes), int(pairs))))


if __name__ == "__main__":
    main()
