"""Optuna 5.0.0, in memory, with one process per trial: Optuna itself starts none.

What a user writes by hand: a loop that waits for the processes' pipes, tells the study of each
report and asks the pruner about it.
"""

import json
import selectors
import subprocess
import sys

import optuna
from outcome import Outcome, arguments


def _start(study, args):
    trial = study.ask()
    command = [sys.executable, args.script, "--x", str(trial.suggest_float("x", 0, 1))]
    command += ["--epochs", str(args.epochs), "--epoch_s", str(args.epoch_s)]
    return trial, subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)


def _read(trial, process, rest, outcome):
    """Take in what a process wrote; return the beginning of a line, or None at its end."""
    data = process.stdout.read(65536)
    *lines, rest = (rest + data).split(b"\n")
    for line in lines:
        metrics = json.loads(line)
        trial.report(metrics["loss"], metrics["epoch"])
        trial.should_prune()
        outcome.decided(metrics["at"])
        trial.set_user_attr("loss", metrics["loss"])
    return rest if data else None


def _run(study, args, outcome):
    selector, started = selectors.DefaultSelector(), 0
    while started < args.trials or selector.get_map():
        while started < args.trials and len(selector.get_map()) < args.workers:
            trial, process = _start(study, args)
            selector.register(process.stdout, selectors.EVENT_READ, [trial, process, b""])
            started += 1
        for key, _ in selector.select():
            trial, process, rest = key.data
            rest = key.data[2] = _read(trial, process, rest, outcome)
            if rest is None:
                selector.unregister(process.stdout)
                process.stdout.close()
                if process.wait():
                    raise RuntimeError(f"a trial ended with exit code {process.returncode}")
                study.tell(trial, trial.user_attrs["loss"])


def main():
    """Run it."""
    args = arguments()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=1), pruner=optuna.pruners.NopPruner()
    )
    with Outcome(args.out) as outcome:
        _run(study, args, outcome)


if __name__ == "__main__":
    main()
