"""Finds out what a script that resumes wrongly has forgotten, by training it again and looking.

What is asked, in this order; the first answer is the hint:

- Was the checkpoint refused, or not looked for? That was said when the attempt began.
- Does the loop go on with a level that was done? Then the level is not taken from the checkpoint.
- Does the same pause change nothing once the script is told the full number of levels? Then its
  schedule depends on that number.
- Does the same pause change nothing if every level is saved? Then saving makes the difference.
- Which variables were, once the script had resumed, not as they were when it was saved? Which were
  made anew afterwards, and are carried from level to level?
- Do the global generators give other numbers although they were put back?

Invariants (tests/experiment/resuming/test_planted.py):
- ten scripts that each forget one thing get ten hints, each the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_synebench.experiment.resuming.comparing import Difference, Rule, compare
from pytest_synebench.experiment.resuming.evidence import (
    Evidence,
    Suspect,
    after_checkpoint,
    looks,
    noise_of,
)
from pytest_synebench.experiment.resuming.state import keys_of
from pytest_synebench.experiment.resuming.training import Horizon, How, Subject, Training
from pytest_synebench.experiment.resuming.words import what_it_is

_STARTS_OVER = (
    "the loop went on with {unit} {level}, although the state is that of {paused_at}: the epoch "
    "counter is not taken from the checkpoint. Begin the loop behind what "
    "resume_from_checkpointed_model returns: range(resume_from + 1, epochs + 1)"
)
_DRAWN = (
    "the global random generator ({names}) was put back by the resume, and gives other numbers all "
    "the same: the script seeds it, or draws from it, after resume_from_checkpointed_model. Do "
    "both before that call"
)
_SAVING = (
    "saving a checkpoint changes the training: the same pause, with a checkpoint at every level, "
    "makes no difference. Have save_model_fn draw no random numbers and leave the model as it is "
    "(train() or eval(), device, averaged weights swapped back)"
)
_NO_EPOCH = (
    "the epoch counter is not what was saved: load_model_fn must return the epoch that "
    "save_model_fn was given, so write it into the checkpoint and read it from there"
)
_NOT_LOADED = (
    "{script} did not load its checkpoint: call resume_from_checkpointed_model(config, "
    "load_model_fn) before the loop, with the arguments that the script was given (vars(args))"
)
_HORIZON = (
    "horizon is 'rung', so the script is given --{name} {first} where it is paused at {first}, and "
    "--{name} {last} where it is not, and what it does depends on that: a learning-rate schedule "
    "over all of them. With horizon='full' the same pauses change nothing: set that in the "
    "Benchmark"
)
_BEHIND = (
    "the loop does more behind checkpoint_model_at_rung_level (line {lines}): that is not in the "
    "checkpoint of its level, and is not done again after a resume. Save at the end of the loop"
)
_UNSEEN = (
    "every variable of the script that could be looked at came back as it was saved: what is "
    "forgotten lies in a library, a file, or an iterator that is under way"
)


def horizon_matters(subject: Subject, whole: Training, how: How, rule: Rule) -> Difference | None:
    """Return what the same pauses change under the other setting of ``horizon``, or None.

    Without a break, the script is told the full number of levels under either.
    """
    return compare(whole, subject.train(replace(how, horizon=other_horizon(subject))), rule)


def other_horizon(subject: Subject) -> Horizon:
    """Return the setting of ``horizon`` that the benchmark does not have."""
    return "full" if subject.plan.definition.horizon == "rung" else "rung"


def hint(
    subject: Subject, whole: Training, broken: Training, found: Difference, rule: Rule
) -> list[str]:
    """Return what is missing, in lines."""
    return next(_answers(subject, whole, broken, found, rule))


def _answers(
    subject: Subject, whole: Training, broken: Training, found: Difference, rule: Rule
) -> Iterator[list[str]]:
    if found.where == "resume":
        yield _not_resumed(subject, found)
    definition = subject.plan.definition
    if definition.horizon == "rung" and not horizon_matters(subject, whole, broken.how, rule):
        yield _horizon(subject, broken)
    if found.where == "end":
        yield [f"training does not get through; its logs say why: {broken.trial}"]
    every = subject.train(replace(broken.how, saving="every"))
    if compare(whole, every, rule) is None:  # the one without a break saved at every level, too
        yield [_SAVING]
    evidence, holds = look_into(subject, broken, found), _holds(broken)
    yield from _seen(subject, evidence, holds)
    yield _unseen(evidence, holds)


def _seen(subject: Subject, evidence: Evidence, holds: str) -> Iterator[list[str]]:
    """Yield what the script's variables say."""
    if (level := evidence.starts_over) is not None:
        unit = subject.plan.definition.resource_attr
        yield [_STARTS_OVER.format(unit=unit, level=level, paused_at=evidence.paused_at)]
    for suspects in (evidence.unrestored(), evidence.remade()):
        if suspects:
            yield [*(_told(one, evidence) for one in suspects), holds]
    if drawn := evidence.drawn():
        yield [_DRAWN.format(names=", ".join(drawn))]


def look_into(subject: Subject, broken: Training, found: Difference) -> Evidence:
    """Train again, twice without a break and once with, and look at the script's variables."""
    one, two = (subject.train(How(probed=True, again=n)) for n in (1, 2))
    probed = subject.train(replace(broken.how, probed=True))
    pauses = [resumed.paused_at for resumed in probed.resumes]
    before = [at for at in pauses if at < found.level] or pauses[:1] or [0]
    return Evidence(
        script=subject.plan.definition.script,
        whole=looks(one, 0),
        noise=noise_of(looks(one, 0), looks(two, 0)),
        after=looks(probed, len(before)),
        paused_at=before[-1],
        until=found.level,
    )


def _told(one: Suspect, evidence: Evidence) -> str:
    where = f"`{one.path}` ({one.kind})" + (f" in {one.scope}" if one.scope else "")
    differ = one.was != one.now
    if one.late:
        values = f": {one.was} one level on, {one.now} with a break" if differ else ""
        text = f"{where} is made anew after the resume, and not brought back{values}"
    else:
        values = f": {one.was} there, {one.now} after it was loaded" if differ else ""
        text = f"{where} is not what it was when level {evidence.paused_at} was saved{values}"
    return f"{text}. It looks like {what_it_is(one)}"


def _holds(broken: Training) -> str:
    left = sorted((broken.trial / "left").glob("*/[0-9]*"))
    keys = keys_of(left[0]) if left else []
    return f"the checkpoint holds: {'; '.join(keys) or 'nothing'}. Save and load the rest with it"


def _not_resumed(subject: Subject, found: Difference) -> list[str]:
    told = str(found.broken)
    if "load_model_fn returned" in told:
        return [_NO_EPOCH]
    if "REJECTED" in told:
        return ["the checkpoint could not be loaded: the reason stands above"]
    return [_NOT_LOADED.format(script=subject.plan.definition.script.name)]


def _horizon(subject: Subject, broken: Training) -> list[str]:
    name, first = subject.plan.definition.max_resource_attr, broken.how.pauses[0]
    return [_HORIZON.format(name=name, first=first, last=subject.plan.max_resource)]


def _unseen(evidence: Evidence, holds: str) -> list[str]:
    lines = after_checkpoint(evidence.script)
    if lines:
        return [_BEHIND.format(lines=", ".join(map(str, lines)))]
    return [_UNSEEN, holds]
