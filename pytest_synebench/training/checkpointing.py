"""The checkpoint helpers a training script calls: add the argument, resume, save.

Inside a trial the controller decides which levels are saved and which may be loaded; by hand
(``python train.py --st_checkpoint_dir DIR``) every level is saved and the newest is loaded. The
random state of Python, numpy and torch is part of each checkpoint, so that a resumed run goes on
as an uninterrupted one would.

Invariants (tests/training/test_checkpointing.py holds each one):
- without a directory in the config nothing is read, written or said;
- a checkpoint that is not whole is refused with a line ``REJECTED: reason`` on stderr and in the
  hello, and the newest whole one before it is loaded; with none left training starts at 0;
- nothing beyond the controller's limit is loaded;
- what is loaded is verified first: ``load_model_fn`` sees whole files only;
- a level is announced as saved only when it survives a power cut.

Source: the four helpers of the system this one succeeds, by their names and signatures; there any
failure to load meant a silent start from epoch 1.
"""

from __future__ import annotations

import sys

from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import CheckpointError
from pytest_synebench.training import random_state
from pytest_synebench.training.attempt import CHECKPOINTS
from pytest_synebench.training.reporter import plain_scalar
from pytest_synebench.training.session import current_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any


def add_checkpointing_to_argparse(parser: argparse.ArgumentParser) -> None:
    """Add ``--st_checkpoint_dir``, with which the controller names the directory.

    Args:
        parser: of the training script; ``vars(args)`` of what it parses is the helpers' config.
    """
    parser.add_argument(
        f"--{CHECKPOINTS}",
        type=str,
        default=None,
        metavar="DIR",
        help="save checkpoints here, and resume from the newest; default: no checkpoints",
    )


def resume_from_checkpointed_model(
    config: Mapping[str, Any], load_model_fn: Callable[[str], int]
) -> int:
    """Load the newest checkpoint that is whole, and return its level: the loop starts behind it.

    Args:
        config: with the key ``st_checkpoint_dir``; None or no such key: no checkpoints.
        load_model_fn: takes a directory, loads the state from the files in it, returns the
            ``epoch`` that was saved with it. An exception means that it loaded nothing.

    Returns:
        The level of the checkpoint, in resource units (epochs); 0: nothing was loaded.

    Raises:
        CheckpointError: ``load_model_fn`` returned another epoch than the checkpoint's, so the
            state is not known, and there is no earlier checkpoint to put in its place.
    """
    directory = config.get(CHECKPOINTS)
    if not directory:
        return 0
    session = current_session()
    limit = None if session is None else session.attempt.resume_at_most
    trial = None if session is None else session.attempt.trial
    search = _Search(str(directory), trial, load_model_fn)
    level = search.newest(limit)
    if session is not None:
        session.begin(
            checkpoints=session.attempt.checkpoint_at is not None,
            resumed_from=level,
            remark="; ".join(search.rejected),
        )
        session.look("resumed", level)
    if not level and search.spoilt:
        raise CheckpointError(
            f"no checkpoint in {directory} could be loaded, and the state is no longer the fresh "
            f"one: {search.spoilt}; load_model_fn must return the epoch it was saved with"
        )
    return level


class _Search:
    """Looks for a checkpoint that can be loaded, newest first, and remembers what it refused."""

    def __init__(
        self, checkpoints: str, trial: int | None, load_model_fn: Callable[[str], int]
    ) -> None:
        self._checkpoints = checkpoints
        self._trial = trial
        self._load_model_fn = load_model_fn
        self.rejected: list[str] = []
        self.spoilt = ""  #: why the state is neither fresh nor a checkpoint's

    def newest(self, limit: int | None) -> int:
        """Load the newest checkpoint up to ``limit`` and return its level, or 0."""
        for level in reversed(manifest.levels(self._checkpoints)):
            if (limit is None or level <= limit) and self._loaded(level):
                return level
        return 0

    def _loaded(self, level: int) -> bool:
        path = manifest.directory_of(self._checkpoints, level)
        try:
            manifest.verify(path, level, self._trial)
            state = random_state.read(path)
            self._check_epoch(self._load_model_fn(path), level)
            random_state.restore(state)
        except Exception as error:
            self._reject(level, path, error)
            return False
        return True

    def _check_epoch(self, epoch: object, level: int) -> None:
        returned = plain_scalar(epoch)
        if isinstance(returned, bool) or returned != level:
            problem = f"load_model_fn returned {epoch!r} for the checkpoint of level {level}"
            if returned != 0:  # 0 is how a load function says that it loaded nothing
                self.spoilt = problem
            raise CheckpointError(problem)

    def _reject(self, level: int, path: str, error: Exception) -> None:
        kind = "" if isinstance(error, CheckpointError) else f"{type(error).__name__}: "
        line = f"REJECTED: checkpoint of level {level} ({path}): {kind}{error}"
        self.rejected.append(line)
        print(line, file=sys.stderr, flush=True)


def checkpoint_model_at_rung_level(
    config: Mapping[str, Any], save_model_fn: Callable[[str, int], object], resource: int
) -> None:
    """Save the state if this level may be resumed from; call it at the end of every level.

    Args:
        config: with the key ``st_checkpoint_dir``; None or no such key: nothing is done.
        save_model_fn: takes an empty directory and the epoch, and writes the state into files.
        resource: the level just finished, in resource units (epochs), >= 1.

    Raises:
        CheckpointError: it could not be saved (disk full, ...); earlier checkpoints are intact.
        SystemExit: with code 0, where the controller wants this attempt to end.
    """
    directory = config.get(CHECKPOINTS)
    if not directory:
        return
    level = _checked_level(resource)
    session = current_session()
    if session is None:
        _save(str(directory), save_model_fn, level, None)
        return
    session.before_checkpoint(level)
    due = session.due(level)
    if due:
        _save(str(directory), save_model_fn, level, session.attempt.trial)
    session.after_checkpoint(level, saved=due)


def _checked_level(resource: object) -> int:
    level = plain_scalar(resource)
    if isinstance(level, bool) or not isinstance(level, int) or level < 1:
        raise CheckpointError(
            f"checkpoint_model_at_rung_level() got resource={resource!r} "
            f"({type(resource).__name__}); a resource level is an integer from 1 up; count "
            "epochs from 1"
        )
    return level


def _save(
    directory: str, save_model_fn: Callable[[str, int], object], level: int, trial: int | None
) -> None:
    def fill(path: str) -> None:
        save_model_fn(path, level)
        random_state.write(path)

    manifest.save(directory, level, fill, trial)
