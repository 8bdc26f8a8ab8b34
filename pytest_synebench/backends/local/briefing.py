"""What an attempt is told: its files, its arguments, its environment.

Invariants (tests/backends/local/test_briefing.py holds each one):
- every value of the config reaches the script as it was typed, in the argument list and in JSON;
- ``None`` is left out of the arguments: the script's own default holds;
- a value that no argument list can hold is named, with the rule, before anything is started;
- the trial's environment is the user's, without the variables that would measure its coverage;
- every attempt hashes alike: one that is forked has the hash seed of what it was forked from.

The files are renamed into place and not fsynced: the journal has what they say, and whoever
continues a run after a crash writes them again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.backends.supervision.environment import HASH_SEED, MEASURING, THREADS
from pytest_synebench.backends.supervision.wire import CHANNEL
from pytest_synebench.channel import encode_scalar
from pytest_synebench.errors import TrialError
from pytest_synebench.training.attempt import CHECKPOINTS
from pytest_synebench.trial import Config, Scalar

SCHEMA = 1
ATTEMPT = "SYNEBENCH_ATTEMPT"  #: path of the attempt's file
RUN = "SYNEBENCH_RUN"  #: which run it belongs to
MAX_ARGUMENT_BYTES = 32 * 4096 - 1  #: Linux, execve(2): MAX_ARG_STRLEN without its NUL


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment variables that give numpy and torch so many threads.

    >>> thread_variables(2)["OMP_NUM_THREADS"]
    '2'
    """
    return dict.fromkeys(THREADS, str(threads))


def checkpoint_directory(spec: AttemptSpec) -> Path | None:
    """Return where the attempt saves, or None where checkpoints are off."""
    return None if spec.checkpoint_at is None else spec.directory / "checkpoints"


def arguments(spec: AttemptSpec) -> tuple[str, ...]:
    """Return the script's arguments: those of the config, and where it saves.

    Raises:
        TrialError: an argument list cannot hold a value.
    """
    directory = checkpoint_directory(spec)
    saving = () if directory is None else (f"--{CHECKPOINTS}", str(directory))
    return (*config_arguments(spec.config), *saving)


def config_arguments(config: Config) -> tuple[str, ...]:
    """Return ``--key value`` for each entry of a config.

    A value that begins with a dash is joined to its name, ``--key=-1e-05``, since argparse takes
    it for an option otherwise.

    Raises:
        TrialError: an argument list cannot hold the value.
    """
    out = []
    for name, value in config.items():
        if value is not None:
            out += _argument(name, value)
    return tuple(out)


def _argument(name: str, value: Scalar) -> list[str]:
    text = str(value)
    parts = [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    for part in parts:
        problem = _unfit(part)
        if problem:
            raise TrialError(
                f"the value of {name!r} cannot be an argument of the script: {problem}. Take it "
                "out of the config, or have the script read it from a file that a value names"
            )
    return parts


def _unfit(part: str) -> str:
    """Return why an argument list cannot hold this text, or ""."""
    if "\0" in part:
        return "it has a NUL character, which ends an argument"
    try:
        size = len(os.fsencode(part))
    except UnicodeEncodeError as error:
        return f"{part[error.start]!r} has no form in {error.encoding}"
    if size > MAX_ARGUMENT_BYTES:
        return f"it has {size} bytes, the limit is {MAX_ARGUMENT_BYTES}"
    return ""


def environment(user: Mapping[str, str], attempt_file: Path, run_token: str) -> dict[str, str]:
    """Return the environment of an attempt, as an order has it."""
    return {
        "PYTHONHASHSEED": HASH_SEED,
        **{name: value for name, value in user.items() if not name.startswith(MEASURING)},
        ATTEMPT: str(attempt_file),
        RUN: run_token,
    }


def write_files(spec: AttemptSpec, script: Path, nonce: str) -> Path:
    """Write the attempt's file, which is returned, and ``config.json`` beside it.

    Raises:
        OSError: the disk is full, or the directory is not there.
    """
    config = {name: encode_scalar(value) for name, value in spec.config.items()}
    directory = checkpoint_directory(spec)
    told = {
        "schema": SCHEMA,
        "trial": spec.key.trial_id,
        "attempt": spec.key.number,
        "fd": CHANNEL,
        "nonce": nonce,
        "seed": spec.seed,
        "resource_attr": spec.resource_attr,
        "until": spec.until,
        "resume_at_most": spec.resume_at_most,
        "checkpoint_at": None if spec.checkpoint_at is None else list(spec.checkpoint_at),
        "checkpoint_dir": None if directory is None else str(directory),
        "config": config,
        "script": str(script),
    }
    _place(spec.directory, "config.json", json.dumps(config, allow_nan=False, indent=1))
    return _place(spec.directory, "attempt.json", json.dumps(told, allow_nan=False))


def _place(directory: Path, name: str, content: str) -> Path:
    aside, path = directory / f".{name}.part", directory / name
    with open(aside, "wb", buffering=0) as file:  # noqa: PTH123 - pathlib's takes twice as long
        file.write(f"{content}\n".encode())
    os.replace(aside, path)  # noqa: PTH105 - as above
    return path
