"""Turns what a script sent into a ``Report``, or says what is wrong with it.

Invariants (tests/experiment/tuner/test_intake.py):
- a metric that is missing, no number or a bool never becomes a loss; the text names its key;
- levels are integers from 1 up and go up within an attempt;
- a level that an earlier attempt reported is known again, not reported twice;
- elapsed time, which a script counts from its own start, goes on where the resumed level ended;
- with ``apart``, elapsed time is measured all the same, and no report has it;
- mode "max" is negated here, once; NaN stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeGuard

from pytest_synebench.backends.protocol import AttemptReported
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import TrialError
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.trial import Report, Scalar, TrialId, checked_report


class Intake:
    """Reads the reports of one benchmark's script."""

    def __init__(
        self,
        definition: Benchmark,
        *,
        apart: dict[tuple[TrialId, int], Scalar] | None = None,
        cumulative: bool = False,
    ) -> None:
        """Read by a benchmark's definition.

        Args:
            definition: says which keys a report has.
            apart: by trial and level, where elapsed times are kept instead of in the reports;
                None: they stay there.
            cumulative: whether elapsed times are those of the trial already, not of its attempt.
        """
        self._definition = definition
        self._level_key, self._metric_key = definition.resource_attr, definition.metric
        self._level_at = definition.resource_attr or ""
        self._apart = apart
        self._cumulative = cumulative
        self._as_sent = apart is None and (cumulative or definition.elapsed_time_attr is None)
        self._negated = definition.mode == "max"
        self._seen: set[str] = set()  # of the two keys: those that a report has had
        self._told_of_gaps = False

    def read(self, sent: AttemptReported, trial: TrialRecord, level: int, at_s: float) -> Report:
        """Return the report.

        Args:
            sent: as it came from the back-end.
            trial: whose it is.
            level: the last level this attempt has reported before; 0: none.
            at_s: now, in seconds since the experiment began.

        Raises:
            TrialError: this trial's report breaks a rule. Where no report of any trial has had the
                key, the definition may be at fault: the text says so.
        """
        metrics, first = sent.metrics, not trial.reports
        # Almost every report is right: the calls are for those of which there is something to say.
        resource, loss = metrics.get(self._level_at), metrics.get(self._metric_key)
        if first or type(resource) is not int or resource < 1 or self._level_key is None:
            resource = self._resource(sent, trial)
        if resource <= level:
            raise TrialError(
                f"trial {trial.id} reported {self._level_name} {resource} after {level}; "
                "levels go up: report once at the end of each"
            )
        if first or type(loss) is not float:
            loss = self._metric(metrics, trial)
        if not self._as_sent:
            metrics = self._with_elapsed(metrics, trial)
            metrics = self._without_measured(trial, resource, metrics)
        return checked_report(trial.id, resource, -loss if self._negated else loss, at_s, metrics)

    def level(self, sent: AttemptReported) -> int | None:
        """Return the level of a report, or None where it has none that keeps the rules."""
        name = self._definition.resource_attr
        value = sent.sequence + 1 if name is None else sent.metrics.get(name)
        return value if type(value) is int and value >= 1 else None

    def elapsed(self, trial: TrialRecord, level: int) -> Scalar:
        """Return the elapsed time that a trial reported at a level; None where it did not."""
        name = self._definition.elapsed_time_attr
        if name is None or self._apart is not None:
            return (self._apart or {}).get((trial.id, level))
        return next((r.metrics.get(name) for r in trial.reports if r.resource == level), None)

    def _without_measured(
        self, trial: TrialRecord, level: int, metrics: Mapping[str, Scalar]
    ) -> Mapping[str, Scalar]:
        name = self._definition.elapsed_time_attr
        if self._apart is None or name is None or name not in metrics:
            return metrics
        if level > trial.level:  # a level that comes again was measured when it first came
            self._apart[trial.id, level] = metrics[name]
        return {key: value for key, value in metrics.items() if key != name}

    def _with_elapsed(
        self, metrics: Mapping[str, Scalar], trial: TrialRecord
    ) -> Mapping[str, Scalar]:
        name = self._definition.elapsed_time_attr
        if name is None or name not in metrics or self._cumulative:
            return metrics
        resumed_from, _ = trial.beginnings.get(trial.attempts - 1, (0, 0))
        spent, elapsed_s = self.elapsed(trial, resumed_from), metrics[name]
        if not _is_number(spent) or not _is_number(elapsed_s):
            return metrics
        return {**metrics, name: spent + elapsed_s}

    def differs(self, trial: TrialRecord, sent: AttemptReported) -> str:
        """Return a remark where a level that is sent again has another metric, else ""."""
        resource, name = self._resource(sent, trial), self._definition.metric
        for report in trial.reports:
            before, now = report.metrics.get(name), sent.metrics.get(name)
            if report.resource == resource and not same_value(before, now):
                return (
                    f"trial {trial.id} repeated {self._level_name} {resource} with {name}={now}, "
                    f"where it was {before}: the script does not continue as it began"
                )
        return ""

    def gap(self, trial: TrialRecord, level: int, before: int) -> str:
        """Return a remark where levels were left out, once in an experiment, else ""."""
        began_from, _ = trial.beginnings.get(trial.attempts - 1, (0, 0))
        before = max(before, began_from)
        if level <= before + 1 or self._told_of_gaps:
            return ""
        self._told_of_gaps = True
        return (
            f"trial {trial.id} reported level {level} after {before}: levels in between count "
            "as run, and a comparison at one of them is made at the next that is reported"
        )

    def missing(self, trial: TrialRecord, until: int | None) -> str:
        """Return what a trial whose script ended with exit code 0 has failed to do, or ""."""
        if not trial.reports:
            return (
                f"ended with exit code 0 without one report of {self._definition.metric!r}; "
                "call report() at the end of each level"
            )
        last = until or self._definition.max_resource
        if self._definition.resource_attr and last is not None and trial.level < last:
            return (
                f"ended with exit code 0 after {self._level_name} {trial.level} of {last}; "
                "a script runs to its last level unless it is stopped"
            )
        return ""

    @property
    def _level_name(self) -> str:
        return self._definition.resource_attr or "level"

    def _resource(self, sent: AttemptReported, trial: TrialRecord) -> int:
        name = self._level_key
        if name is None:
            return sent.sequence + 1
        resource = self._entry(name, "which resource_attr names", sent.metrics, trial)
        if type(resource) is not int or resource < 1:
            raise TrialError(
                f"trial {trial.id} reported {name}={resource!r}; resource levels are integers "
                "from 1 up"
            )
        return resource

    def _metric(self, metrics: Mapping[str, Scalar], trial: TrialRecord) -> float:
        name = self._metric_key
        value = self._entry(name, "the metric", metrics, trial)
        if type(value) is float:
            return value
        if not _is_number(value):
            raise TrialError(
                f"trial {trial.id} reported {name}={value!r}; the metric must be a number"
            )
        try:
            return float(value)
        except OverflowError:
            raise TrialError(
                f"trial {trial.id} reported an integer as {name} that is beyond every float; "
                "the metric must be a number that fits into one"
            ) from None

    def _entry(
        self, name: str, what: str, metrics: Mapping[str, Scalar], trial: TrialRecord
    ) -> Scalar:
        if name in metrics:
            self._seen.add(name)
            return metrics[name]
        text = (
            f"a report of trial {trial.id} has no {name!r}, {what} (its keys: {_keys(metrics)}); "
        )
        if name in self._seen or trial.reports:
            raise TrialError(text + "report it at every level")
        raise TrialError(text + f"report({name}=...) in the script, or name the right key")


def same_value(a: Scalar, b: Scalar) -> bool:
    """Whether two reported values are equal, NaN equal to NaN."""
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or a == b


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keys(metrics: Mapping[str, Scalar]) -> str:
    return ", ".join(metrics) or "none"
