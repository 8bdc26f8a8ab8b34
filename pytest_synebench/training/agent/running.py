"""Puts an agent together in a job, and runs it.

Invariants (tests/training/entrypoint/test_entrypoint.py holds each one):
- a request to end that came before the script was started ends it as soon as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.errors import StoreError, TrialError
from pytest_synebench.training.agent.agent import Agent
from pytest_synebench.training.agent.keeper import Keeper
from pytest_synebench.training.agent.post import Post


class Listening(Protocol):
    """What a polite request to end is passed on by."""

    asked: bool
    listener: Callable[[], None] | None


def run_attempt(url: str, script: Path, work: Path, stop: Listening) -> tuple[int, str]:
    """Run one attempt; return its exit code and the last lines of its stderr.

    Args:
        url: of its orders.
        script: what to run.
        work: folder for its files and checkpoints.
        stop: what to listen to.

    Raises:
        TrialError: the orders cannot be read, or the store cannot be used.
    """
    try:
        post = Post(url)
        orders = post.orders()
        post.begin()
        archive = S3Archive(f"s3://{post.bucket}/{orders.prefix}", client=post.client)
        agent = Agent(post, orders, Keeper(archive, orders), script=script, work=work)
        stop.listener = agent.stop
        if stop.asked:
            agent.stop()
        return agent.run(), agent.tail()
    except StoreError as error:
        raise TrialError(f"the job cannot reach its store: {error}") from error
