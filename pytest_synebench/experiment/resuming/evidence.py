"""What a script's variables held, with and without a break: which of them were not brought back.

Invariants (tests/experiment/resuming/test_evidence.py):
- what differs between two trainings without a break is no evidence;
- what was brought back is none, however much it differs later: that is a consequence;
- of what is made anew after the resume, only what the loop reads before it writes is.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pytest_synebench.experiment.resuming.training import Training
from pytest_synebench.training.probing import FOLDER, GENERATORS

State: TypeAlias = Mapping[str, tuple[str, str, str]]  #: kind, digest and looks, by name
_LOOP = (ast.For, ast.AsyncFor, ast.While)


class Look(NamedTuple):
    """What was seen once."""

    at: str
    level: int
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A value that is not what it would be without the break."""

    scope: str
    path: str
    kind: str
    was: str  #: how it looked when it should have been saved
    now: str  #: how it looked instead
    late: bool = False  #: it was made after the resume

    @property
    def root(self) -> str:
        """The variable that it is, or is reached from."""
        return self.path.replace("[", ".").split(".")[0]


def looks(training: Training, attempt: int) -> list[Look]:
    """Return what was seen in an attempt, in order."""
    path = training.trial / FOLDER / f"{attempt}.jsonl"
    if not path.exists():
        return []
    told = map(json.loads, path.read_text().splitlines())
    return [Look(one["at"], one["level"], one["state"]) for one in told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen around one resume."""

    script: Path
    whole: Sequence[Look]  #: without a break
    noise: frozenset[str]  #: what two trainings without a break have different
    after: Sequence[Look]  #: in the attempt that resumed
    paused_at: int
    until: int  #: level at which the difference shows

    @property
    def starts_over(self) -> int | None:
        """The level that the attempt went on with, where that is none behind the pause."""
        first = next((one.level for one in self.after if one.at != "resumed"), None)
        return first if first is not None and first <= self.paused_at else None

    def unrestored(self) -> list[Suspect]:
        """Return what was there when the script had resumed, and was not as it was saved."""
        saved, resumed = self._saved(), self._resumed()
        out = []
        for name, (kind, digest, looked) in saved.items():
            held = resumed.get(name)
            if held is None or held[1] == digest or not self._matters(name):
                continue
            out.append(_suspect(name, kind, looked, held[2]))
        return _grouped(out)

    def remade(self) -> list[Suspect]:
        """Return what was made after the resume, is carried through the loop, and differs."""
        saved, resumed, carried = self._saved(), self._resumed(), carried_names(self.script)
        out = []
        for name, (kind, _, _) in saved.items():
            if name in resumed or not self._matters(name) or not self._changes(name):
                continue
            was, now = next(
                (one.state[name][2], two.state[name][2])
                for one, two in self._pairs()
                if name in one.state and name in two.state
            )
            suspect = _suspect(name, kind, was, now, late=True)
            if suspect.root in carried:
                out.append(suspect)
        return _grouped(out)

    def drawn(self) -> list[str]:
        """Return the global generators that were put back, and soon gave other numbers."""
        pair = next(self._pairs(), None)
        if pair is None:
            return []
        one, two = (look.state for look in pair)
        names = [name for name in one if name.startswith(f"{GENERATORS}:") and name in two]
        return [
            name.partition(":")[2]
            for name in names
            if one[name][1] != two[name][1] and name not in self.noise
        ]

    def _changes(self, name: str) -> bool:
        """Whether training changes it, without a break as well."""
        return len({look.state[name][1] for look in self.whole if name in look.state}) > 1

    def _matters(self, name: str) -> bool:
        pairs = [(a.state, b.state) for a, b in self._pairs()]
        both = [(a[name][1], b[name][1]) for a, b in pairs if name in a and name in b]
        return name not in self.noise and any(a != b for a, b in both)

    def _pairs(self) -> Iterator[tuple[Look, Look]]:
        mine = {(one.at, one.level): one for one in self.whole}
        for two in self.after:
            here = self.paused_at < two.level <= self.until
            if here and two.at != "resumed" and (one := mine.get((two.at, two.level))):
                yield one, two

    def _saved(self) -> State:
        here = [one for one in self.whole if one.level == self.paused_at]
        at_call = [one for one in here if one.at == "checkpoint"]
        return (at_call or here)[-1].state if here else {}

    def _resumed(self) -> State:
        return next((one.state for one in self.after if one.at == "resumed"), {})


def noise_of(one: Sequence[Look], other: Sequence[Look]) -> frozenset[str]:
    """Return the names that two trainings without a break have different."""
    theirs = {(two.at, two.level): two.state for two in other}
    return frozenset(
        name
        for look in one
        for name, (_, digest, _) in look.state.items()
        if name in (held := theirs.get((look.at, look.level), {})) and held[name][1] != digest
    )


def _suspect(name: str, kind: str, was: str, now: str, *, late: bool = False) -> Suspect:
    scope, _, path = name.partition(":")
    return Suspect(scope=scope, path=path, kind=kind, was=was, now=now, late=late)


def _grouped(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Return one suspect for each object seen by several names: the shortest; no more than four."""
    seen: dict[tuple[str, str, str, str], Suspect] = {}
    for one in sorted(suspects, key=lambda one: len(one.path)):
        last = one.path.replace("]", "").replace("'", "").replace("[", ".").rpartition(".")[2]
        seen.setdefault((last, one.kind, one.was, one.now), one)
    return list(seen.values())[:4]


def carried_names(script: Path) -> frozenset[str]:
    """Return the names that some loop of a script reads before it writes them."""
    out: set[str] = set()
    for node in _outer_loops(ast.parse(script.read_bytes())):
        written: set[str] = set()
        for name, is_read in _uses_within(node):
            if not is_read:
                written.add(name)
            elif name not in written:
                out.add(name)
    return frozenset(out)


def _uses_within(loop: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield what a loop uses on each of its rounds: what it goes over is worked out once."""
    once = getattr(loop, "iter", None)
    for child in ast.iter_child_nodes(loop):
        if child is not once:
            yield from _uses(child)


def _outer_loops(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _LOOP):
            yield child
        else:
            yield from _outer_loops(child)


def _uses(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each name that is used, and whether it is read, in the order in which that happens."""
    if isinstance(node, ast.Name):
        yield node.id, isinstance(node.ctx, ast.Load)
        return
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For | ast.AsyncFor):
        source = node.iter if isinstance(node, ast.For | ast.AsyncFor) else node.value
        children = [child for child in (source,) if child] + [
            child for child in children if child is not source
        ]
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, True
    for child in children:
        yield from _uses(child)


def after_checkpoint(script: Path) -> list[int]:
    """Return the lines of the loop that come behind the checkpoint call, the report's left out."""
    lines = []
    for loop in _outer_loops(ast.parse(script.read_bytes())):
        body: list[ast.stmt] = getattr(loop, "body", [])
        at = next((i for i, one in enumerate(body) if _calls(one, "checkpoint_model")), None)
        if at is not None:
            lines += [one.lineno for one in body[at + 1 :] if not _calls(one, "report")]
    return lines


def _calls(statement: ast.stmt, name: str) -> bool:
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(name in ast.unparse(call.func) for call in calls)
