"""A back-end whose attempts follow a script, in virtual time: for tests of the loop alone."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    AttemptSpec,
    Observation,
)
from pytest_synebench.clock import VirtualClock
from pytest_synebench.trial import Scalar


def loss_of(spec: AttemptSpec, level: int) -> float:
    """Return a loss that depends on trial and level only, and falls with the level."""
    return ((spec.key.trial_id * 7919) % 101) / 101 + 1 / level


@dataclass
class Behaviour:
    """What the attempts of a test do; each field may be replaced."""

    last_level: int = 9
    seconds: Callable[[AttemptSpec, int], float] = lambda spec, level: 1.0 + spec.key.trial_id % 3
    metrics: Callable[[AttemptSpec, int], Mapping[str, Scalar]] = lambda spec, level: {
        "epoch": level,
        "loss": loss_of(spec, level),
    }
    checkpoints: bool = True
    fails_at: Callable[[AttemptSpec, int], bool] = lambda spec, level: False
    hangs_at: Callable[[AttemptSpec, int], bool] = lambda spec, level: False
    exits_early_at: Callable[[AttemptSpec, int], bool] = lambda spec, level: False
    end_delay_s: float = 0.0  #: between the last report and the end of the process
    #: more of it, and before the attempt begins; asked with "begin" and "end"
    lag_s: Callable[[AttemptSpec, str], float] = lambda spec, when: 0.0
    words: str = "exit code 1"  #: how a failure is told


@dataclass
class ScriptedBackend:
    """Plays attempts; ``saved`` outlives it, as checkpoints on a disk do."""

    clock: VirtualClock
    behaviour: Behaviour = field(default_factory=Behaviour)
    saved: dict[int, list[int]] = field(default_factory=dict)
    started: list[AttemptSpec] = field(default_factory=list)
    stopped: list[AttemptKey] = field(default_factory=list)
    on_start: Callable[[AttemptSpec], None] = lambda spec: None
    alive: set[AttemptKey] = field(default_factory=set)
    most_alive: int = 0
    closed: bool = False
    capacity: int | None = None  #: attempts that run at once; the others wait
    _waiting: list[AttemptSpec] = field(default_factory=list)
    _queue: list[tuple[float, int, Observation]] = field(default_factory=list)
    _count: itertools.count[int] = field(default_factory=itertools.count)

    def start(self, spec: AttemptSpec) -> None:
        self.on_start(spec)
        assert spec.key not in [s.key for s in self.started], "an attempt runs once"
        assert all(key.trial_id != spec.key.trial_id for key in self.alive), "one life at a time"
        self.started.append(spec)
        self._waiting.append(spec)
        self._admit()

    def stop(self, key: AttemptKey) -> None:
        self.stopped.append(key)
        if key in [spec.key for spec in self._waiting]:
            self._waiting = [spec for spec in self._waiting if spec.key != key]
            ended = AttemptEnded(key=key, ok=False, detail="never placed")
            self._push(self.clock.now_s(), ended)
        if key in self.alive:
            self._queue = [item for item in self._queue if item[2].key != key]
            heapq.heapify(self._queue)
            self._push(
                self.clock.now_s(), AttemptEnded(key=key, ok=False, detail="signal 15 (SIGTERM)")
            )

    def poll(self, timeout_s: float) -> list[Observation]:
        deadline = self.clock.now_s() + timeout_s
        if not self._queue or self._queue[0][0] > deadline:
            if timeout_s < 1e9:
                self.clock.advance(timeout_s)
            return []
        at_s = max(self._queue[0][0], self.clock.now_s())
        self.clock.advance(at_s - self.clock.now_s())
        out = []
        while self._queue and self._queue[0][0] <= at_s:
            seen = heapq.heappop(self._queue)[2]
            if isinstance(seen, AttemptEnded):
                self.alive.discard(seen.key)
                self._admit()
            if isinstance(seen, AttemptSaved):
                self.saved.setdefault(seen.key.trial_id, []).append(seen.level)
            out.append(seen)
        return out

    def close(self) -> None:
        self.alive.clear()
        self._waiting.clear()
        self._queue.clear()
        self.closed = True

    def _push(self, at_s: float, seen: Observation) -> None:
        heapq.heappush(self._queue, (at_s, next(self._count), seen))

    def _admit(self) -> None:
        while self._waiting and (self.capacity is None or len(self.alive) < self.capacity):
            spec = self._waiting.pop(0)
            self.alive.add(spec.key)
            self.most_alive = max(self.most_alive, len(self.alive))
            self._play(spec)

    def _play(self, spec: AttemptSpec) -> None:
        """Queue all that the attempt will do if nobody stops it."""
        act, at_s, key = self.behaviour, self.clock.now_s(), spec.key
        good = [
            level
            for level in self.saved.get(key.trial_id, [])
            if level <= spec.resume_at_most and spec.checkpoint_at is not None and act.checkpoints
        ]
        level = max(good, default=0)
        self._push(at_s, AttemptPlaced(key=key))
        at_s += act.lag_s(spec, "begin")
        self._push(at_s, AttemptBegan(key=key, resumed_from=level, checkpoints=act.checkpoints))
        last = min(spec.until or act.last_level, act.last_level)
        for sequence in itertools.count():
            if level >= last or act.exits_early_at(spec, level):
                break
            level += 1
            at_s += act.seconds(spec, level)
            if act.hangs_at(spec, level):
                return
            if act.fails_at(spec, level):
                self._push(at_s, AttemptEnded(key=key, ok=False, detail=act.words))
                return
            sent = act.metrics(spec, level)
            self._push(at_s, AttemptReported(key=key, sequence=sequence, metrics=sent))
            asked = spec.checkpoint_at is not None and (level in (spec.checkpoint_at or (level,)))
            if act.checkpoints and asked:
                self._push(at_s, AttemptSaved(key=key, level=level))
        at_s += act.end_delay_s + act.lag_s(spec, "end")
        self._push(at_s, AttemptEnded(key=key, ok=True, detail="exit code 0"))
