# ruff: noqa: S101, D102 - a suite asserts, and a test's name is its docstring
"""The rules of an archive of checkpoints, as tests: subclass and supply one fixture.

    class TestMyArchive(CheckpointArchiveSuite):
        @pytest.fixture
        def archives(self, tmp_path: Path) -> Archives:
            return lambda experiment: MyArchive(tmp_path, experiment)

What damages a kept checkpoint is the adapter's own knowledge: a subclass tests it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError
from pytest_synebench.trial import CheckpointRef, TrialId

Archives: TypeAlias = Callable[[str], CheckpointArchive]
FILES = {"state.json": b'{"epoch": 3}', "deep/er/weights.bin": bytes(range(256)), "empty": b""}


def make_checkpoint(checkpoints: Path, place: Place, files: dict[str, bytes] | None = None) -> Path:
    """Save a checkpoint as a trial would, and return its directory."""

    def fill(path: str) -> None:
        for name, data in (FILES if files is None else files).items():
            target = Path(path, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    manifest.save(str(checkpoints), place.level, fill, place.trial_id)
    return Path(manifest.directory_of(str(checkpoints), place.level))


def content(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory, by name, without the manifest."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != manifest.NAME
    }


class CheckpointArchiveSuite:
    """Every rule of ``CheckpointArchive``."""

    @pytest.fixture
    def archives(self) -> Archives:
        """Return what opens the archive of an experiment by name; a subclass supplies it."""
        raise NotImplementedError("a subclass of CheckpointArchiveSuite supplies `archives`")

    @pytest.fixture
    def archive(self, archives: Archives) -> CheckpointArchive:
        return archives("one")

    @pytest.fixture
    def place(self) -> Place:
        return Place(TrialId(1), 0, 3)

    @pytest.fixture
    def saved(self, tmp_path: Path, place: Place) -> Path:
        return make_checkpoint(tmp_path / "here", place)

    # -- there and back --------------------------------------------------------------------------

    def test_what_was_kept_comes_back_byte_for_byte_on_a_machine_that_has_nothing(
        self, archives: Archives, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        kept = archives("one").keep(saved, place)
        back = archives("one").restore(place, tmp_path / "there" / "checkpoints", kept.sha256)

        restored = tmp_path / "there" / "checkpoints" / "00000003"
        assert content(restored) == FILES
        assert manifest.verify(str(restored), 3, 1).sha256 == kept.sha256
        assert back == kept == CheckpointRef(trial_id=TrialId(1), level=3, sha256=kept.sha256)

    def test_the_hash_of_what_is_kept_is_that_of_the_manifest_on_disk(
        self, archive: CheckpointArchive, saved: Path, place: Place
    ) -> None:
        assert archive.keep(saved, place).sha256 == manifest.verify(str(saved), 3).sha256

    def test_a_large_file_comes_back(self, archive: CheckpointArchive, tmp_path: Path) -> None:
        place = Place(TrialId(1), 0, 1)
        data = {
            "weights": bytes(range(251)) * 50_000
        }  # 12 MB: more parts than one, where there are
        archive.keep(make_checkpoint(tmp_path / "here", place, data), place)
        archive.restore(place, tmp_path / "there")
        assert content(tmp_path / "there" / "00000001") == data

    def test_restoring_leaves_nothing_beside_the_checkpoint(
        self, archive: CheckpointArchive, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        archive.keep(saved, place)
        archive.restore(place, tmp_path / "there")
        archive.restore(place, tmp_path / "there")
        assert [path.name for path in (tmp_path / "there").iterdir()] == ["00000003"]

    def test_the_trials_own_files_may_change_afterwards(
        self, archive: CheckpointArchive, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        archive.keep(saved, place)
        with (saved / "state.json").open("r+b") as file:
            file.write(b"!!!")
        archive.restore(place, tmp_path / "there")
        assert content(tmp_path / "there" / "00000003") == FILES

    # -- again, at once, and twice ---------------------------------------------------------------

    def test_keeping_again_changes_nothing(
        self, archive: CheckpointArchive, saved: Path, place: Place
    ) -> None:
        assert archive.keep(saved, place) == archive.keep(saved, place)
        assert archive.find(place.trial_id) == [place]

    def test_other_bytes_at_the_same_place_are_an_error_and_the_first_stay(
        self, archive: CheckpointArchive, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        kept = archive.keep(saved, place)
        other = make_checkpoint(tmp_path / "other", place, {"state.json": b"{}"})
        with pytest.raises(CheckpointError, match="another checkpoint is kept as"):
            archive.keep(other, place)
        assert archive.restore(place, tmp_path / "there") == kept

    def test_of_two_that_write_one_place_at_once_exactly_one_wins(
        self, archives: Archives, tmp_path: Path
    ) -> None:
        place = Place(TrialId(1), 0, 3)
        rivals = [
            make_checkpoint(tmp_path / str(n), place, {"state": bytes([n])}) for n in range(4)
        ]

        def keep(rival: Path) -> CheckpointRef | None:
            try:
                return archives("one").keep(rival, place)
            except CheckpointError:
                return None

        with ThreadPoolExecutor(len(rivals)) as pool:
            won = [ref for ref in pool.map(keep, rivals) if ref is not None]
        assert len(won) == 1
        assert archives("one").restore(place, tmp_path / "there") == won[0]

    def test_trials_with_equal_bytes_both_come_back(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        for trial in (1, 2):
            place = Place(TrialId(trial), 0, 3)
            archive.keep(make_checkpoint(tmp_path / str(trial), place), place)
        for trial in (1, 2):
            archive.restore(Place(TrialId(trial), 0, 3), tmp_path / f"there{trial}")
            assert content(tmp_path / f"there{trial}" / "00000003") == FILES

    # -- what is found ---------------------------------------------------------------------------

    def test_the_newest_history_is_found_first(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        # Attempt 1 went on from level 1, so the level 9 of attempt 0 is of a run given up.
        for attempt, level in [(0, 1), (0, 9), (1, 3)]:
            place = Place(TrialId(1), attempt, level)
            archive.keep(make_checkpoint(tmp_path / f"{attempt}-{level}", place), place)
        found = [(place.attempt, place.level) for place in archive.find(TrialId(1))]
        assert found == [(1, 3), (0, 9), (0, 1)]

    def test_trial_1_and_trial_10_never_meet(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        place = Place(TrialId(10), 0, 3)
        archive.keep(make_checkpoint(tmp_path / "here", place), place)
        assert archive.find(TrialId(1)) == []
        assert archive.find(TrialId(100)) == []
        assert archive.find(TrialId(10)) == [place]
        with pytest.raises(CheckpointError):
            archive.restore(Place(TrialId(1), 0, 3), tmp_path / "there")

    def test_two_experiments_never_meet(
        self, archives: Archives, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        archives("one").keep(saved, place)
        assert archives("two").find(place.trial_id) == []
        with pytest.raises(CheckpointError):
            archives("two").restore(place, tmp_path / "there")

    def test_an_archive_that_was_never_written_has_nothing(
        self, archive: CheckpointArchive
    ) -> None:
        assert archive.find(TrialId(0)) == []
        archive.collect()

    # -- what is refused -------------------------------------------------------------------------

    def test_what_was_never_kept_is_refused_and_nothing_is_left(
        self, archive: CheckpointArchive, place: Place, tmp_path: Path
    ) -> None:
        with pytest.raises(CheckpointError):
            archive.restore(place, tmp_path / "there")
        assert list((tmp_path / "there").glob("*")) == []

    def test_another_manifest_than_the_one_that_is_known_is_refused(
        self, archive: CheckpointArchive, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        archive.keep(saved, place)
        with pytest.raises(CheckpointError, match=r"its manifest is .*, not 000000000000"):
            archive.restore(place, tmp_path / "there", "0" * 64)
        assert list((tmp_path / "there").glob("*")) == []

    def test_a_checkpoint_that_was_damaged_is_not_kept(
        self, archive: CheckpointArchive, saved: Path, place: Place, tmp_path: Path
    ) -> None:
        (saved / "state.json").write_bytes(b'{"epoch": 4}')
        with pytest.raises(CheckpointError, match=r"'state.json' was changed"):
            archive.keep(saved, place)
        with pytest.raises(CheckpointError):
            archive.restore(place, tmp_path / "there")

    @pytest.mark.parametrize("wrong", [Place(TrialId(2), 0, 3), Place(TrialId(1), 0, 4)])
    def test_a_checkpoint_of_another_trial_or_level_is_not_kept(
        self, archive: CheckpointArchive, saved: Path, wrong: Place
    ) -> None:
        with pytest.raises(CheckpointError, match="its manifest is of"):
            archive.keep(saved, wrong)

    def test_a_directory_without_a_manifest_is_not_kept(
        self, archive: CheckpointArchive, place: Place, tmp_path: Path
    ) -> None:
        with pytest.raises(CheckpointError):
            archive.keep(tmp_path, place)

    # -- before and after ------------------------------------------------------------------------

    def test_a_preflight_leaves_nothing_behind(
        self, archive: CheckpointArchive, place: Place
    ) -> None:
        archive.preflight()
        assert archive.find(place.trial_id) == []

    def test_close_may_be_repeated(self, archive: CheckpointArchive) -> None:
        archive.close()
        archive.close()
