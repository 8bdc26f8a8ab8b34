"""The proof that a script resumes: trained once without a break, and several times with pauses.

Where to pause is drawn by Hypothesis, from the plan's seed alone; what fails is made smaller until
its pauses are the fewest and earliest that fail. Each training is a run as any other, on "another
machine" after each pause: see ``elsewhere``.

Invariants (tests/experiment/resuming/test_planted.py):
- equal plans try equal pauses, in the same order; no more trainings are made than was said;
- a script that differs from itself without a break is told apart from one that resumes wrongly;
- what is measured, and so differs without a break as well, is named and left out;
- the benchmark's own ``horizon`` decides; what the other setting would do is advice.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from enum import StrEnum

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.resuming import diagnosis
from pytest_synebench.experiment.resuming.comparing import (
    Difference,
    Rule,
    compare,
    differing_keys,
)
from pytest_synebench.experiment.resuming.training import How, Subject, Training

_MOST_PAUSES = 5  #: of one training
_NO_OPTION = "st_checkpoint_dir"
_BARE = ": a trial that is paused begins again. Three lines add them (docs/guide/scripts.md):"
_ADD = (
    "  add_checkpointing_to_argparse(parser)",
    "  resume_from = resume_from_checkpointed_model(config, load)    # before the loop",
    "  checkpoint_model_at_rung_level(config, save, epoch)           # at its end",
)
_UNSTEADY = (
    "whether it resumes correctly cannot be told. Seed every generator of its own "
    "(numpy.random.default_rng(seed), torch.Generator), or say how much two trainings may differ: "
    "--resume_tolerance 0.01"
)


class Outcome(StrEnum):
    """What was found."""

    RESUMES = "resumes"
    DIFFERS = "resumes wrongly"
    UNSTEADY = "is not deterministic"
    FAILS = "fails without a break"
    BARE = "has no checkpoints"
    SHORT = "cannot be paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of a check."""

    outcome: Outcome
    lines: tuple[str, ...]  #: what a person should know
    tried: tuple[tuple[int, ...], ...] = ()  #: pauses, in the order in which they were tried
    trainings: int = 0

    @property
    def text(self) -> str:
        """What was found, in words."""
        return "\n".join(self.lines)


def verify(subject: Subject, *, examples: int, tolerance: float = 0.0) -> Proof:
    """Return whether a script resumes as it left.

    Args:
        subject: what is trained.
        examples: sets of pauses that are tried, at most; as many again to make one smaller.
        tolerance: largest difference of two numbers that are taken for equal; 0: bit for bit.

    Raises:
        UsageError: Hypothesis is not installed, or the benchmark names no last level.
        SynebenchError: a training cannot be launched, or the store cannot be used.
    """
    definition = subject.plan.definition
    last = subject.plan.max_resource
    if definition.resource_attr is None or last is None:
        raise UsageError(
            f"{subject.plan.benchmark} names no last resource level, so nothing says where it can "
            "be paused; set resource_attr and max_resource_attr in its Benchmark"
        )
    if last == 1:
        told = f"it has one {definition.resource_attr} only, so there is no level to pause at"
        return Proof(outcome=Outcome.SHORT, lines=(told,))
    ignored = {definition.elapsed_time_attr} - {None}
    check = _Check(subject, Rule(tolerance=tolerance, ignored=frozenset(map(str, ignored))))
    whole = check.train(How())
    refused = _refusal(subject, whole)
    if refused is not None:
        return refused
    check.whole = whole
    check.search(last, examples)
    return check.proof()


def _refusal(subject: Subject, whole: Training) -> Proof | None:
    """Return why there is nothing to pause: it fails, or has no checkpoints; None: there is."""
    script = subject.plan.definition.script.name
    if whole.problem and _NO_OPTION not in whole.problem:
        told = f"{script} fails without a break: {whole.problem}", f"logs: {whole.trial}"
        return Proof(outcome=Outcome.FAILS, lines=told)
    if whole.problem or not whole.saved:
        return Proof(outcome=Outcome.BARE, lines=(f"{script} saves no checkpoints{_BARE}", *_ADD))
    return None


@dataclass(slots=True)
class _Check:
    subject: Subject
    rule: Rule
    whole: Training | None = None
    known: dict[tuple[int, ...], tuple[Training, Difference | None]] = field(default_factory=dict)
    most: int = 0  #: sets of pauses that are tried
    unsteady: Difference | None = None  #: two trainings without a break differ
    measured: frozenset[str] | None = None  #: keys that differ without a break; None: not looked at
    error: BaseException | None = None
    made: list[Training] = field(default_factory=list)

    def train(self, how: How) -> Training:
        made = self.subject.train(how)
        self.made.append(made)
        return made

    # -- which pauses ----------------------------------------------------------------------------

    def search(self, last: int, examples: int) -> None:
        """Try sets of pauses, and smaller ones once one has failed."""
        try:
            from hypothesis import Phase, Verbosity, find, settings
            from hypothesis import strategies as st
            from hypothesis.errors import HypothesisException
        except ImportError:
            raise UsageError(
                "Hypothesis chooses where to pause, and it is not installed: "
                "pip install 'pytest-synebench[testing]'"
            ) from None
        levels = st.integers(1, last - 1)
        most = min(_MOST_PAUSES, last - 1)
        # The size first: lists of any size are short, and many pauses are tried by one training.
        several = st.integers(1, most).flatmap(
            lambda n: st.lists(levels, min_size=n, max_size=n, unique=True)
        )
        self.most = examples
        quietly = settings(
            max_examples=20 * examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            verbosity=Verbosity.quiet,
        )
        with contextlib.suppress(HypothesisException):  # none has failed
            find(
                several.map(lambda drawn: tuple(sorted(drawn))),
                self._fails,
                settings=quietly,
                random=random.Random(self.subject.plan.seed),
            )
        if self.error is not None:
            raise self.error

    def _fails(self, pauses: tuple[int, ...]) -> bool:
        if pauses not in self.known:
            if self.error or self.unsteady or len(self.known) >= self.most:
                return False
            try:
                self._try(pauses)
            except BaseException as error:  # Ctrl-C as well: Hypothesis would try it again
                self.error = error
                return False
        return self.known[pauses][1] is not None

    def _try(self, pauses: tuple[int, ...]) -> None:
        assert self.whole is not None  # noqa: S101 - trained before
        broken = self.train(How(pauses=pauses))
        found = compare(self.whole, broken, self.rule)
        if found is not None and self.measured is None:
            self._look_for_noise(self.whole)
            found = compare(self.whole, broken, self.rule)
        if found is not None and not self.failed:
            self.most = len(self.known) + 1 + self.most  # as many again, to make it smaller
        self.known[pauses] = broken, found

    @property
    def failed(self) -> list[tuple[int, ...]]:
        """The sets of pauses that failed, the smallest first."""
        failed = [pauses for pauses, (_, found) in self.known.items() if found is not None]
        return sorted(failed, key=lambda pauses: (len(pauses), pauses))

    def _look_for_noise(self, whole: Training) -> None:
        """Train without a break again: what differs then is not the resume's doing."""
        again = self.train(How(again=1))
        metric = self.subject.plan.definition.metric
        measured = differing_keys(whole, again, metric, self.rule)
        if measured is None:
            self.unsteady = compare(whole, again, self.rule)
        self.measured = measured or frozenset()
        self.rule = self.rule.without(self.measured)

    # -- what it means ---------------------------------------------------------------------------

    def proof(self) -> Proof:
        """Return what was found."""
        if self.unsteady is not None:
            return self._told(Outcome.UNSTEADY, self._unsteady(self.unsteady))
        if failed := self.failed:
            broken, found = self.known[failed[0]]
            assert found is not None  # noqa: S101 - it failed
            return self._wrong(broken, found)
        told = self._told(Outcome.RESUMES, [self._summary(), *self._advice()])
        for training in self.made:  # nobody looks for a fault in what has none
            training.discard_checkpoints()
        return told

    def _told(self, outcome: Outcome, lines: list[str]) -> Proof:
        if self.measured:
            names = ", ".join(sorted(self.measured))
            lines = [*lines, f"not compared, since it differs without a break as well: {names}"]
        return Proof(
            outcome=outcome,
            lines=tuple(lines),
            tried=tuple(self.known),
            trainings=len(self.made),
        )

    def _wrong(self, broken: Training, found: Difference) -> Proof:
        assert self.whole is not None  # noqa: S101 - compared with
        again = self.train(broken.how)
        twice = compare(broken, again, self.rule)
        if twice is not None and twice.where in {"report", "state"}:
            return self._told(Outcome.UNSTEADY, self._unsteady(twice, broken.how))
        hints = diagnosis.hint(self.subject, self.whole, broken, found, self.rule)
        lines = [
            f"{self._script} resumes wrongly when it is {broken.how}",
            f"first difference: {found.told(self._unit).replace(f'{broken.trial}/', '')}",
            *(f"hint: {line}" for line in hints),
            f"by hand: {self._by_hand(broken)}",
            f"files: {broken.directory}",
        ]
        return self._told(Outcome.DIFFERS, lines)

    def _unsteady(self, found: Difference, how: How | None = None) -> list[str]:
        twice = (
            f"trained twice {how or How()}, with one config and one seed, it differs from itself"
        )
        return [
            f"{self._script} is not deterministic: {twice}",
            f"first difference: {found.told(self._unit, 'once', 'then')}",
            _UNSTEADY,
        ]

    @property
    def _unit(self) -> str:
        return self.subject.plan.definition.resource_attr or "level"

    @property
    def _script(self) -> str:
        return self.subject.plan.definition.script.name

    def _by_hand(self, broken: Training) -> str:
        plan = self.subject.plan
        levels = " ".join(map(str, broken.how.pauses))
        return (
            f"pytest --synebench {plan.benchmark} --variant {plan.variant} --scheduler pausing "
            f"--rung_levels '{levels}' --num_trials 1"
        )

    def _summary(self) -> str:
        equal = f"within {self.rule.tolerance:g}" if self.rule.tolerance else "bit for bit"
        pauses = "; ".join(", ".join(map(str, one)) for one in self.known)
        return f"resumes {equal}: paused at {self._unit} {pauses}"

    def _advice(self) -> list[str]:
        """Return what the other setting of ``horizon`` would do, where it would do harm."""
        definition = self.subject.plan.definition
        if definition.max_resource_attr is None or self.whole is None:
            return []
        other = diagnosis.other_horizon(self.subject)
        training = self.train(How(pauses=next(iter(self.known)), horizon=other))
        found = compare(self.whole, training, self.rule)
        if found is None:
            return []
        mine, name = definition.horizon, definition.max_resource_attr
        told = found.told(self._unit)
        why = f"with {other!r}, and so another --{name} per attempt, it differs ({told})"
        return [f"advice: keep horizon={mine!r}; {why}"]
