# ruff: noqa: S101, D102 - a suite asserts, and a test's name is its docstring
"""The rules of an archive that copies, removes and collects, as tests: supply two fixtures.

    class TestMyCollection(CheckpointCollectionSuite):
        @pytest.fixture
        def archives(self, tmp_path: Path) -> Archives:
            return lambda experiment: MyArchive(tmp_path, experiment)

        @pytest.fixture
        def stored(self, tmp_path: Path) -> Stored:
            return lambda experiment: {...}

Deaths in the middle of a verb are the adapter's own knowledge: a subclass tests them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError
from pytest_synebench.testing.checkpoint_store_suite import FILES, Archives, content
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint as make
from pytest_synebench.trial import TrialId

#: Returns the contents of the scripts' files that an experiment's part of the archive holds.
Stored: TypeAlias = Callable[[str], set[bytes]]
_SHARED = b"of every checkpoint"


def at(trial: int, level: int, attempt: int = 0) -> Place:
    """Return a place."""
    return Place(TrialId(trial), attempt, level)


class CheckpointCollectionSuite:
    """Every rule of ``copy``, ``remove``, ``collect`` and ``claim``."""

    @pytest.fixture
    def archives(self) -> Archives:
        """Return what opens the archive of an experiment by name; a subclass supplies it."""
        raise NotImplementedError("a subclass supplies `archives`")

    @pytest.fixture
    def stored(self) -> Stored:
        """Return what tells the contents that are held; a subclass supplies it."""
        raise NotImplementedError("a subclass supplies `stored`")

    @pytest.fixture
    def archive(self, archives: Archives) -> CheckpointArchive:
        return archives("one")

    @staticmethod
    def keep(archive: CheckpointArchive, folder: Path, place: Place, own: bytes = b"") -> str:
        """Keep a checkpoint of a shared file and one of its own; return the manifest's hash."""
        files = {"shared": _SHARED, "own": own or f"{place}".encode()}
        name = f"{place.trial_id}-{place.attempt}-{place.level}"
        return archive.keep(make(folder / name, place, files), place).sha256

    # -- removed ---------------------------------------------------------------------------------

    def test_what_was_removed_is_gone_and_nothing_else(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        places = [at(1, 1), at(1, 3), at(2, 3)]
        for place in places:
            self.keep(archive, tmp_path, place)
        for _ in range(2):
            archive.remove(at(1, 3))
            assert archive.find() == [at(1, 1), at(2, 3)]
        with pytest.raises(CheckpointError):
            archive.restore(at(1, 3), tmp_path / "there")
        archive.collect()
        for place in (at(1, 1), at(2, 3)):
            archive.restore(place, tmp_path / f"there{place.trial_id}")

    def test_what_was_removed_can_be_kept_again_as_something_else(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        self.keep(archive, tmp_path, at(1, 3), b"one")
        archive.remove(at(1, 3))
        sha256 = self.keep(archive, tmp_path / "again", at(1, 3), b"another")
        assert archive.restore(at(1, 3), tmp_path / "there").sha256 == sha256

    def test_of_what_is_kept_nothing_is_collected_and_of_the_rest_all(
        self, archives: Archives, stored: Stored, tmp_path: Path
    ) -> None:
        archive = archives("one")
        for place in (at(1, 1), at(1, 3), at(1, 9)):
            self.keep(archive, tmp_path, place, b"%d" % place.level)
        self.keep(archives("two"), tmp_path / "two", at(1, 1), b"of another experiment")
        archive.remove(at(1, 1))
        archive.remove(at(1, 3))
        # By whoever comes next as well: it knows nothing of what was kept.
        for collector in (archive, archives("one")):
            collector.collect()
            assert stored("one") == {_SHARED, b"9"}
        archive.remove(at(1, 9))
        archive.collect()
        assert stored("one") == set()
        assert stored("two") == {_SHARED, b"of another experiment"}

    def test_what_is_younger_than_the_grace_stays(
        self, archive: CheckpointArchive, stored: Stored, tmp_path: Path
    ) -> None:
        self.keep(archive, tmp_path, at(1, 3), b"3")
        self.leave_half_a_keep(archive, tmp_path)
        before = stored("one")
        archive.collect(grace_s=3600.0)
        assert stored("one") == before
        archive.collect()
        assert stored("one") == {_SHARED, b"3"}

    def leave_half_a_keep(self, archive: CheckpointArchive, folder: Path) -> None:
        """Have a keep die before its checkpoint has a name; a subclass may know a better way."""
        self.keep(archive, folder, at(7, 7), b"half")
        archive.remove(at(7, 7))

    def test_keeps_removals_and_collections_at_once_lose_nothing(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        def live(trial: int) -> dict[Place, str]:
            chance, kept = random.Random(trial), dict[Place, str]()
            for level in range(1, 7):
                place = at(trial, level)
                # Few contents: what one removes another is about to refer to.
                kept[place] = self.keep(archive, tmp_path, place, b"%d" % chance.randrange(2))
                if len(kept) > 1:
                    gone = next(iter(kept))
                    del kept[gone]
                    archive.remove(gone)
                if trial % 2:
                    archive.collect()
            return kept

        with ThreadPoolExecutor(4) as pool:
            for kept in list(pool.map(live, range(4))):
                for place, sha256 in kept.items():
                    archive.restore(place, tmp_path / "there" / str(place.trial_id), sha256)

    # -- copied ----------------------------------------------------------------------------------

    def test_a_copy_is_the_other_trials_own_and_equals_the_one_on_disk(
        self, archives: Archives, tmp_path: Path
    ) -> None:
        source, target = at(1, 3), at(2, 3)
        saved = make(tmp_path / "1", source)
        kept = archives("one").keep(saved, source)
        LocalStore().adopt(tmp_path / "1", tmp_path / "2", 3, TrialId(2))

        copied = archives("one").copy(source, target, kept.sha256)
        assert copied.sha256 == manifest.verify(str(tmp_path / "2" / "00000003"), 3, 2).sha256
        assert archives("one").restore(target, tmp_path / "there", copied.sha256) == copied
        assert content(tmp_path / "there" / "00000003") == FILES

    def test_a_copy_outlives_what_it_was_made_of_and_is_outlived_by_it(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        sha256 = self.keep(archive, tmp_path, at(1, 3))
        for trial in (2, 3):
            archive.copy(at(1, 3), at(trial, 3), sha256)
        archive.remove(at(2, 3))
        archive.collect()
        archive.restore(at(1, 3), tmp_path / "there1")
        archive.remove(at(1, 3))
        archive.collect()
        archive.restore(at(3, 3), tmp_path / "there3")

    def test_copying_again_changes_nothing(
        self, archive: CheckpointArchive, stored: Stored, tmp_path: Path
    ) -> None:
        sha256 = self.keep(archive, tmp_path, at(1, 3))
        before = stored("one")
        first = archive.copy(at(1, 3), at(2, 3), sha256)
        assert archive.copy(at(1, 3), at(2, 3), sha256) == first
        assert archive.find() == [at(1, 3), at(2, 3)]
        assert stored("one") == before

    def test_what_is_not_there_or_not_what_is_known_is_not_copied(
        self, archive: CheckpointArchive, tmp_path: Path
    ) -> None:
        sha256 = self.keep(archive, tmp_path, at(1, 3))
        with pytest.raises(CheckpointError):
            archive.copy(at(1, 9), at(2, 9), sha256)
        with pytest.raises(CheckpointError, match=r"its manifest is .*, not 000000000000"):
            archive.copy(at(1, 3), at(2, 3), "0" * 64)
        self.keep(archive, tmp_path, at(3, 3))
        with pytest.raises(CheckpointError, match="another checkpoint is kept as"):
            archive.copy(at(1, 3), at(3, 3), sha256)
        assert archive.find(TrialId(2)) == []

    # -- claimed ---------------------------------------------------------------------------------

    def test_who_claims_an_archive_learns_who_had_it(self, archives: Archives) -> None:
        assert archives("one").claimant() == ""
        assert archives("one").claim("a") == ""
        assert archives("one").claim("b") == "a"
        assert archives("one").claimant() == "b"
        assert archives("two").claimant() == ""
        assert archives("one").find() == []
