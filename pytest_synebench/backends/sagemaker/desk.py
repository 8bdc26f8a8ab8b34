"""Writes what jobs are told, and what they say is kept.

Invariants (tests/backends/sagemaker/test_desk.py holds each one):
- equal attempts have equal orders: what is written again changes nothing;
- a job is told of no checkpoint beyond the level that its attempt may resume from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.channel import encode_scalar
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.trial import Config, TrialId


class Kept(Protocol):
    """Knows which checkpoints the store has."""

    def note(self, place: Place, sha256: str) -> None:
        """Write down, durably, that a checkpoint is kept. May be repeated."""
        ...

    def newest(self, trial_id: TrialId, at_most: int) -> Sequence[tuple[Place, str]]:
        """Return a trial's checkpoints up to a level, the newest first, each with its hash."""
        ...


class StoreDesk:
    """Orders as objects in the store."""

    def __init__(
        self,
        client: Any,
        bucket: str,
        prefix: str,
        ask: Asking,
        kept: Kept,
        arguments: Callable[[Config], Sequence[str]],
    ) -> None:
        """Write nothing yet.

        Args:
            client: of boto3, whose requests are asked once; may be used by several threads.
            bucket: where orders are written.
            prefix: of the experiment's keys, "" or ending with a slash.
            ask: asks requests again.
            kept: knows what the store has.
            arguments: returns the script's of a config; raises ``TrialError`` where it has none.
        """
        self._client, self._bucket, self._prefix, self._ask = client, bucket, prefix, ask
        self._kept = kept
        self._arguments = arguments

    def orders(self, spec: AttemptSpec) -> str:
        """Write an attempt's orders; return their URL. May be repeated.

        Raises:
            StoreError: the bucket cannot be used.
            TrialError: no job can be told that.
        """
        told = Orders(
            prefix=self._prefix,
            trial=spec.key.trial_id,
            attempt=spec.key.number,
            seed=spec.seed,
            resource_attr=spec.resource_attr,
            until=spec.until,
            known=self._known(spec),
            checkpoint_at=None if spec.checkpoint_at is None else list(spec.checkpoint_at),
            config={name: encode_scalar(value) for name, value in spec.config.items()},
            arguments=list(self._arguments(spec.config)),
        )
        key = letters.orders(self._prefix, *spec.key)
        data = told.to_json()
        self._ask(lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=data))
        return f"s3://{self._bucket}/{key}"

    def note(self, key: AttemptKey, level: int, sha256: str) -> None:
        """Write down, durably, that a checkpoint is kept. May be repeated."""
        self._kept.note(Place(key.trial_id, key.number, level), sha256)

    def _known(self, spec: AttemptSpec) -> list[list[Any]]:
        if not spec.resume_at_most or spec.checkpoint_at is None:
            return []
        found = self._kept.newest(spec.key.trial_id, spec.resume_at_most)
        return [[place.attempt, place.level, sha256] for place, sha256 in found]
