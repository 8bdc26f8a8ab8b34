# ruff: noqa: S101, D102 - a suite asserts, and a test's name is its docstring
"""The rules of a back-end, as tests: subclass ``BackendSuite`` and supply one fixture.

What a script does is told by a play (see ``plays``)::

    class TestMyBackend(BackendSuite):
        @pytest.fixture
        def stage(self, tmp_path: Path) -> Iterator[Stage]:
            backend = MyBackend(...)
            yield Stage(backend=backend, ...)
            backend.close()
"""

from __future__ import annotations

import pytest

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
)
from pytest_synebench.errors import BackendError
from pytest_synebench.testing.plays import Stage, Watcher, levels
from pytest_synebench.trial import TrialId


class BackendSuite:
    """Every rule of ``backends/protocol.py``."""

    @pytest.fixture
    def stage(self) -> Stage:
        """Return a stage; a subclass supplies it."""
        raise NotImplementedError("a subclass of BackendSuite supplies the fixture `stage`")

    @pytest.fixture
    def watcher(self, stage: Stage) -> Watcher:
        """Return what watches the stage's back-end."""
        return Watcher(stage, stage.backend)

    # -- what comes of a script ------------------------------------------------------------------

    def test_an_attempt_is_placed_then_begins_then_reports_then_ends(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec = stage.spec(0, levels(2))
        stage.backend.start(spec)

        (end,) = watcher.ends(spec)
        assert watcher.kinds(spec) == [
            AttemptPlaced,
            AttemptBegan,
            AttemptReported,
            AttemptReported,
            AttemptEnded,
        ]
        assert watcher.reports(spec) == [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
        assert end.ok

    def test_a_script_that_never_reports_ends_without_a_report(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec = stage.spec(0, [])
        stage.backend.start(spec)

        (end,) = watcher.ends(spec)
        assert end.ok
        assert watcher.kinds(spec) == [AttemptPlaced, AttemptEnded]

    @pytest.mark.parametrize("code", [0, 1, 3])
    def test_the_exit_code_says_whether_it_went_well(
        self, stage: Stage, watcher: Watcher, code: int
    ) -> None:
        spec = stage.spec(0, [*levels(1), ["end", code]])
        stage.backend.start(spec)

        (end,) = watcher.ends(spec)
        assert end.ok == (code == 0)
        assert f"exit code {code}" in end.detail

    def test_a_crash_is_told_with_its_last_words(self, stage: Stage, watcher: Watcher) -> None:
        spec = stage.spec(0, [*levels(1), ["crash", "the tape broke"]])
        stage.backend.start(spec)

        (end,) = watcher.ends(spec)
        assert not end.ok
        assert "the tape broke" in end.detail
        assert len(watcher.reports(spec)) == 1

    def test_a_process_killed_from_outside_ends_badly_and_the_others_go_on(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        lost, other = stage.spec(0, [*levels(1), ["lost"]]), stage.spec(1, levels(3))
        stage.backend.start(lost)
        stage.backend.start(other)

        bad, good = watcher.ends(lost, other)
        assert (bad.ok, good.ok) == (False, True)
        assert len(watcher.reports(other)) == 3

    def test_junk_where_no_protocol_belongs_is_no_report(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec = stage.spec(0, [["junk"], *levels(2), ["junk"]])
        stage.backend.start(spec)

        assert watcher.ends(spec)[0].ok
        assert [report["loss"] for report in watcher.reports(spec)] == [1.0, 0.5]

    def test_not_a_number_is_reported_as_it_is(self, stage: Stage, watcher: Watcher) -> None:
        spec = stage.spec(0, [["report", {"epoch": 1, "loss": float("nan")}]])
        stage.backend.start(spec)

        watcher.ends(spec)
        assert str(watcher.reports(spec)[0]["loss"]) == "nan"

    @pytest.mark.parametrize("text", ["", "two words", "'\"`$HOME;\\", "Grüße ✓", "a\nb", "-1e-05"])
    def test_a_value_of_the_config_reaches_the_script_as_it_is(
        self, stage: Stage, watcher: Watcher, text: str
    ) -> None:
        spec = stage.spec(0, [["echo"]], text=text)
        stage.backend.start(spec)

        watcher.ends(spec)
        assert watcher.reports(spec) == [{"epoch": 1, "text": text}]

    def test_at_its_level_an_attempt_ends_by_itself(self, stage: Stage, watcher: Watcher) -> None:
        spec = stage.spec(0, levels(5), until=2)
        stage.backend.start(spec)

        assert watcher.ends(spec)[0].ok
        assert [report["epoch"] for report in watcher.reports(spec)] == [1, 2]

    def test_a_flood_of_reports_comes_whole_and_in_bounded_parts(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        flood, other = stage.spec(0, [["many", 5000]]), stage.spec(1, levels(2))
        stage.backend.start(flood)
        stage.backend.start(other)

        watcher.ends(flood, other)
        assert [report["epoch"] for report in watcher.reports(flood)] == list(range(1, 5001))
        assert watcher.largest < 2500

    # -- start -----------------------------------------------------------------------------------

    def test_several_attempts_do_not_mix(self, stage: Stage, watcher: Watcher) -> None:
        specs = [
            stage.spec(trial, [["report", {"epoch": n, "of": trial}] for n in (1, 2, 3)])
            for trial in range(3)
        ]
        for spec in specs:
            stage.backend.start(spec)

        assert all(end.ok for end in watcher.ends(*specs))
        for trial, spec in enumerate(specs):
            assert [report["of"] for report in watcher.reports(spec)] == [trial] * 3

    def test_starting_twice_is_starting_once(self, stage: Stage, watcher: Watcher) -> None:
        spec, last = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(1, levels(1))
        stage.backend.start(spec)
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.start(spec)
        stage.backend.start(last)
        watcher.ends(last)

        assert stage.alive() == 1
        assert len(watcher.reports(spec)) == 1

    def test_starting_an_ended_attempt_changes_nothing(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec, last = stage.spec(0, levels(1)), stage.spec(1, levels(1))
        stage.backend.start(spec)
        watcher.ends(spec)
        stage.backend.start(spec)
        stage.backend.start(last)

        watcher.ends(last)
        assert len(watcher.reports(spec)) == 1

    def test_the_next_attempt_of_a_trial_starts_after_the_end_of_the_one_before(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        first, second = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(0, levels(2), number=1)
        stage.backend.start(first)
        watcher.reported(first)
        with pytest.raises(BackendError, match="not ended"):
            stage.backend.start(second)
        stage.backend.stop(first.key)
        watcher.ends(first)
        stage.backend.start(second)

        assert watcher.ends(second)[0].ok
        assert len(watcher.reports(second)) == 2

    # -- stop ------------------------------------------------------------------------------------

    def test_stop_ends_an_attempt_once_however_often_it_is_said(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec, other = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(1, levels(2))
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        stage.backend.stop(spec.key)
        (end,) = watcher.ends(spec)
        stage.backend.stop(spec.key)
        stage.backend.start(other)

        watcher.ends(other)
        assert not end.ok
        assert stage.alive() == 0

    def test_stop_of_a_key_that_nobody_started_means_nothing(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        stage.backend.stop(AttemptKey(TrialId(7), 0))
        spec = stage.spec(7, levels(1))
        stage.backend.start(spec)

        assert watcher.ends(spec)[0].ok

    def test_what_is_stopped_before_it_ran_ends_too(self, stage: Stage, watcher: Watcher) -> None:
        spec = stage.spec(0, [["hang"]])
        stage.backend.start(spec)
        stage.backend.stop(spec.key)

        assert not watcher.ends(spec)[0].ok
        assert stage.alive() == 0

    def test_an_attempt_that_is_deaf_is_ended_by_force(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        spec = stage.spec(0, [["deaf"], *levels(1), ["hang"]])
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)

        assert not watcher.ends(spec)[0].ok
        assert stage.alive() == 0

    # -- poll and close --------------------------------------------------------------------------

    def test_polling_where_nothing_happens_returns_nothing(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        assert watcher.look(0.0) == []
        spec = stage.spec(0, [*levels(1), ["hang"]])
        stage.backend.start(spec)
        watcher.reported(spec)

        assert watcher.look(0.0) == []
        assert watcher.look(0.01) == []

    def test_close_ends_everything_and_may_be_repeated(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        specs = [
            stage.spec(0, [["deaf"], *levels(1), ["hang"]]),
            stage.spec(1, [*levels(1), ["hang"]]),
        ]
        for spec in specs:
            stage.backend.start(spec)
        watcher.reported(*specs)
        stage.backend.close()
        stage.backend.close()

        assert stage.alive() == 0
        assert stage.backend.poll(10.0) == []
        stage.backend.stop(specs[0].key)
        with pytest.raises(BackendError, match="closed"):
            stage.backend.start(stage.spec(2, []))

    def test_a_controller_that_follows_ends_what_the_one_before_left(
        self, stage: Stage, watcher: Watcher
    ) -> None:
        left, next_ = stage.spec(0, [*levels(1), ["hang"]]), stage.spec(0, levels(1), number=1)
        stage.backend.start(left)
        watcher.reported(left)

        following = Watcher(stage, stage.another())
        assert stage.alive() == 0
        following.backend.start(next_)
        assert following.ends(next_)[0].ok
        assert {observation.key for observation in following.seen} == {next_.key}
        following.backend.close()
