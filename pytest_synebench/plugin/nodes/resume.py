"""The check that a script resumes, in place of its experiments.

    synebench::<benchmark>::<variant>[-r<run_id>]::resume

Invariants (tests/plugin/test_verify_resume.py):
- it takes the place of the experiments, one per variant, and starts none of them;
- a script that resumes wrongly is a failed test that says where, and what is missing;
- without checkpoints it fails, or is skipped where the benchmark's scheduler pauses no trial;
- every check of a session shares one store on loopback, which ends with the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.emulator.s3 import s3_on_loopback
from pytest_synebench.errors import SynebenchError
from pytest_synebench.experiment.assembly import Site, build_scheduler
from pytest_synebench.experiment.keeping.opening import LOCAL
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.resuming.training import How, Subject
from pytest_synebench.experiment.resuming.verifying import Outcome, Proof, verify
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.choice.selection import Selection
from pytest_synebench.plugin.nodes.experiment import PROGRESS, nursery, storage
from pytest_synebench.plugin.nodes.items import Unsuccessful

TOLD = "synebench_resume"  #: the property of a report that holds what was found
FOLDER = "resume"  #: of the storage: what was trained for checks is no result
_STORE = pytest.StashKey[str]()


def store_on_loopback(config: pytest.Config) -> str:
    """Return the session's own S3.

    Raises:
        BackendError: the extra is not installed.
    """
    if _STORE not in config.stash:
        stack = ExitStack()
        config.stash[_STORE] = stack.enter_context(s3_on_loopback())
        config.add_cleanup(stack.close)
    return config.stash[_STORE]


def _nothing() -> None: ...


class ResumeCheck(pytest.Collector):
    """``<variant>[-r<run_id>]``: what one check hangs on."""

    def __init__(
        self,
        prototype: pytest.Function,
        selection: Selection,
        variant: str,
        run_id: int,
        where: str,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.prototype, self.selection, self.variant = prototype, selection, variant
        self.run_id, self.where = run_id, where
        self.add_marker(
            pytest.mark.synebench(
                benchmark=selection.benchmark, variant=selection.variant, run_id=run_id
            )
        )

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the check."""
        callspec = self.prototype.callspec
        yield ResumeItem.from_parent(
            self,
            name="resume",
            originalname="resume",
            callobj=_nothing,
            callspec=compat.with_id(callspec, None, callspec.marks),
            fixtureinfo=compat.fixture_info(self.prototype),
        )


class ResumeItem(pytest.Function):
    """Whether the script of one variant resumes."""

    @property
    def check(self) -> ResumeCheck:
        """The collector it belongs to."""
        assert isinstance(self.parent, ResumeCheck)  # noqa: S101 - made by it
        return self.parent

    @property
    def title(self) -> str:
        """``<benchmark>::<variant>``."""
        return f"{self.check.selection.benchmark}::{self.check.name}"

    def runtest(self) -> None:
        """Train, with pauses and without, and fail where that makes a difference."""
        plan = self._plan()
        try:
            proof = verify(
                self._subject(plan),
                examples=plan.params["resume_examples"],
                tolerance=plan.params["resume_tolerance"],
            )
        finally:
            if (progress := self.config.stash.get(PROGRESS, None)) is not None:
                progress.clear()
        self.user_properties += [
            ("outcome", proof.outcome.value),
            ("trainings", proof.trainings),
            ("pauses", "; ".join(", ".join(map(str, one)) for one in proof.tried)),
        ]
        self._settle(plan, proof)

    def _settle(self, plan: Plan, proof: Proof) -> None:
        match proof.outcome:
            case Outcome.RESUMES:
                self.user_properties.append((TOLD, "\n  ".join([self.title, *proof.lines])))
            case Outcome.SHORT:
                raise compat.skip_here(f"nothing to verify: {proof.lines[0]}")
            case Outcome.BARE if not _pauses(plan):
                raise compat.skip_here(
                    f"{plan.definition.script.name} has no checkpoints, and {plan.scheduler} "
                    "pauses no trial"
                )
            case _:
                raise Unsuccessful(proof.text)

    def _plan(self) -> Plan:
        check = self.check
        return Plan(
            benchmark=check.selection.benchmark,
            variant=check.variant,
            params=check.selection.params,
            definition=compat.fixture_value(self, check.selection.benchmark),
            run_id=check.run_id,
            listed=check.selection.listed,
            where=check.where,
        )

    def _subject(self, plan: Plan) -> Subject:
        url = plan.params["checkpoint_store"]
        return Subject(
            plan=plan,
            root=storage(self.config) / FOLDER,
            store=store_on_loopback(self.config) if url == LOCAL else url,
            site=Site(nursery=nursery(self.config), directory=self.config.invocation_params.dir),
            tick=self._ticking(),
        )

    def _ticking(self) -> Callable[[How, str], None]:
        progress, begun = self.config.stash.get(PROGRESS, None), list[How]()

        def tick(how: How, status: str) -> None:
            if not begun or begun[-1] is not how:
                begun.append(how)
            if progress is not None:
                text = f"training {len(begun)}, {how}: {status}"
                progress.tick(f"{self.title}::resume", lambda: text)

        return tick

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the benchmark is declared, and what to call the item."""
        path, _, line = self.check.where.rpartition(":")
        return Path(path), int(line) - 1, f"{self.title}::resume"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show what was found, and our own errors, by their text."""
        if isinstance(excinfo.value, Unsuccessful | SynebenchError | pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def _pauses(plan: Plan) -> bool:
    return plan.params["checkpointing"] in {"on", "every"} or build_scheduler(plan).pauses
