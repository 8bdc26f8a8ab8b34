"""Optuna 5.0.0: a study in a journal file, lived through (``make``), loaded again (``open``)."""

import json
import sys
import time
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

TRIALS, REPORTS = 1_000, 100


def _storage(folder):
    return JournalStorage(JournalFileBackend(str(folder / "journal.log")))


def make(folder):
    """Live through it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=_storage(folder), study_name="perf", sampler=sampler)
    for _ in range(TRIALS):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        for level in range(1, REPORTS + 1):
            trial.report(x + 1 / level, level)
        study.tell(trial, x)


def load(folder):
    """Load it."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    study = optuna.load_study(storage=_storage(folder), study_name="perf")
    reports = sum(len(trial.intermediate_values) for trial in study.trials)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    if reports != TRIALS * REPORTS:
        raise SystemExit(f"{reports} reports were loaded")
    size = (folder / "journal.log").stat().st_size
    told = {"wall_s": wall_s, "cpu_s": cpu_s, "megabytes": size / 1e6}
    (folder / "opened.json").write_text(json.dumps(told))


if __name__ == "__main__":
    {"make": make, "open": load}[sys.argv[1]](Path(sys.argv[2]))
