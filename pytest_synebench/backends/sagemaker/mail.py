"""Reads what jobs write: one listing for all of them, then the letters that are new.

A letter that was read is removed with a later look, once the tuner has written down what it says:
so a listing has what is new, however long the experiment is.

Invariants (tests/backends/sagemaker/test_mail.py holds each one):
- a look costs one listing per 1,000 letters that wait, whatever was read before;
- a letter is removed only after the look that follows the one which returned it was asked for;
- what an earlier controller has not read is nobody's, and is removed;
- a letter that cannot be read ends nothing: it counts as rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.mailbox import Mailbox, Next
from pytest_synebench.channel import Message
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.errors import ReportError
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.letters import Letter
from pytest_synebench.trial import TrialId

_THREADS = 8
_ABSENT = 404
_MOST_REMOVED = 1000  #: by one request
_MOST_LETTERS = 64  #: of one attempt, that one look reads
_MOST_BYTES = 128 * 2**20


class Mail:
    """The letters of an experiment's jobs."""

    def __init__(self, client: Any, bucket: str, prefix: str, ask: Asking) -> None:
        """Read nothing yet.

        Args:
            client: of boto3, whose requests are asked once; may be used by several threads.
            bucket: where the letters are.
            prefix: of the experiment's keys, "" or ending with a slash.
            ask: asks requests again.
        """
        self._client, self._bucket, self._prefix, self._ask = client, bucket, prefix, ask
        self._boxes: dict[AttemptKey, Mailbox] = {}
        self._read: list[str] = []  #: keys that the next look removes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="synebench-mail")
        self.rejected: dict[AttemptKey, int] = defaultdict(int)  #: letters that were none

    def expect(self, attempt: AttemptKey) -> None:
        """Read an attempt's letters from now on."""
        self._boxes.setdefault(attempt, Mailbox())

    def forget(self, attempt: AttemptKey) -> None:
        """Read no more of an attempt's letters."""
        self._boxes.pop(attempt, None)

    def drained(self, attempt: AttemptKey) -> bool:
        """Whether all letters of an attempt that has ended were read."""
        box = self._boxes.get(attempt)
        return box is None or box.drained

    def look(self, ended: Iterable[AttemptKey] = ()) -> dict[AttemptKey, list[Message]]:
        """Return what is new, by attempt.

        Args:
            ended: attempts whose jobs write no more; what they wrote last is looked for.

        Raises:
            StoreError: the bucket cannot be used; nothing was taken.
        """
        self._remove()
        over = frozenset(ended)
        boxes = dict(self._boxes)  # attempts come and go meanwhile
        self._list(boxes)
        read = {
            key: partial(self._read_box, key, box, ended=key in over) for key, box in boxes.items()
        }
        done = self._threads.map(lambda one: (one[0], one[1]()), read.items())
        return {key: messages for key, messages in done if messages}

    def remove_all(self) -> None:
        """Remove every letter: no controller waits for them.

        Raises:
            StoreError: the bucket cannot be used.
        """
        self._read += [name for name, _ in self._keys()]
        self._remove()

    def close(self) -> None:
        """Let the threads go. May be repeated."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    # -- parts -----------------------------------------------------------------------------------

    def _list(self, boxes: Mapping[AttemptKey, Mailbox]) -> None:
        found: dict[AttemptKey, list[tuple[int, int]]] = defaultdict(list)
        for name, letter in self._keys():
            key = AttemptKey(TrialId(letter.trial), letter.attempt)
            if key in boxes:
                found[key].append((letter.life, letter.number))
            else:
                self._read.append(name)
        for key, listed in found.items():
            boxes[key].listed(listed)

    def _keys(self) -> list[tuple[str, Letter]]:
        pages = self._client.get_paginator("list_objects_v2")
        start = f"{self._prefix}letters/"
        names = self._ask(
            lambda: [
                entry["Key"]
                for page in pages.paginate(Bucket=self._bucket, Prefix=start)
                for entry in page.get("Contents", [])
            ]
        )
        told = ((name, letters.of_key(self._prefix, name)) for name in names)
        return [(name, letter) for name, letter in told if letter is not None]

    def _read_box(self, attempt: AttemptKey, box: Mailbox, *, ended: bool) -> list[Message]:
        out: list[Message] = []
        for _ in range(_MOST_LETTERS):
            letter = box.next(ended=ended)
            if letter is None:
                break
            messages = self._fetch(attempt, letter)
            if messages is None:
                box.missed(letter)
            else:
                box.found(letter)
                out += messages
        return out

    def _fetch(self, attempt: AttemptKey, letter: Next) -> list[Message] | None:
        """Return the messages of a letter; None: it is not there."""
        name = letters.key(self._prefix, Letter(*attempt, letter.life, letter.number))
        try:
            data = self._ask(lambda: self._get(name))
        except ReportError:
            data = b""
        except Exception as error:
            if status(error) != _ABSENT:
                raise
            return None
        self._read.append(name)
        try:
            return letters.read(data)
        except ReportError:
            self.rejected[attempt] += 1
            return []

    def _get(self, name: str) -> bytes:
        answer = self._client.get_object(Bucket=self._bucket, Key=name)
        if answer["ContentLength"] > _MOST_BYTES:
            raise ReportError(f"{name} has {answer['ContentLength']} bytes")
        data: bytes = answer["Body"].read()
        return data

    def _remove(self) -> None:
        """Remove what was read; what is not removed is read by nobody, and removed later."""
        names, self._read = self._read, []
        for start in range(0, len(names), _MOST_REMOVED):
            part = names[start : start + _MOST_REMOVED]
            what: Mapping[str, Any] = {"Objects": [{"Key": name} for name in part], "Quiet": True}
            remove: Callable[[], object] = partial(
                self._client.delete_objects, Bucket=self._bucket, Delete=what
            )
            try:
                self._ask(remove)
            except BaseException:
                self._read += names[start:]
                raise
