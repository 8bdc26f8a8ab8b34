"""Whether a training script resumes, as a test: subclass and supply one fixture.

    class TestMyScript(ResumeSuite):
        @pytest.fixture
        def resumable(self, my_model: Benchmark) -> Benchmark:
            return my_model

``my_model`` is a benchmark's fixture; a ``Benchmark`` made in place will do as well. The script may
use torch or not. It is trained once without a break, and several times with pauses, from what
the store has: the check of ``pytest --synebench my_model --synebench-verify-resume``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.resuming.training import Subject
from pytest_synebench.experiment.resuming.verifying import Outcome, verify


class ResumeSuite:
    """The conformance suite of training scripts."""

    #: How many sets of pauses are tried.
    examples: ClassVar[int] = 5
    #: By how much two numbers may differ; 0: not by a bit.
    tolerance: ClassVar[float] = 0.0
    #: What the config and the seed are drawn from.
    seed: ClassVar[int] = 0
    #: Parameters of the run, by name: {"launch": "cold"}.
    params: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def resumable(self) -> Benchmark:
        """Return the benchmark whose script is trained; a subclass supplies it."""
        raise NotImplementedError("a subclass of ResumeSuite supplies the fixture `resumable`")

    @pytest.fixture
    def checkpoint_store(self, tmp_path: Path) -> str:
        """Return where checkpoints are brought back from: a folder, unless a subclass says."""
        return str(tmp_path / "store")

    def test_it_resumes_as_it_left(
        self, resumable: Benchmark, checkpoint_store: str, tmp_path: Path
    ) -> None:
        """Every report and the last checkpoint are the same, with a break and without."""
        defaults = {name: parameter.default for name, parameter in GLOBALS.items()}
        plan = Plan(
            benchmark="resumable",
            variant="suite",
            params={**defaults, "random_seed_offset": self.seed, **self.params},
            definition=resumable,
        )
        subject = Subject(plan=plan, root=tmp_path / "runs", store=checkpoint_store)
        proof = verify(subject, examples=self.examples, tolerance=self.tolerance)
        if proof.outcome is not Outcome.RESUMES:
            pytest.fail(proof.text, pytrace=False)
