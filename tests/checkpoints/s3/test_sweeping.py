"""Blobs that nobody refers to go, and no others: with every listing, death and neighbour."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from s3_in_memory import InMemoryS3

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.errors import CheckpointError
from pytest_synebench.testing.checkpoint_store_suite import content, make_checkpoint
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)


@pytest.fixture
def store() -> InMemoryS3:
    return InMemoryS3()


@pytest.fixture
def archive(store: InMemoryS3) -> S3Archive:
    return S3Archive("s3://bucket", client=store, backoff_s=0.0)


def keep(archive: S3Archive, folder: Path, place: Place, own: bytes = b"own") -> str:
    folder = folder / f"{place.trial_id}-{place.attempt}-{place.level}"
    return archive.keep(make_checkpoint(folder, place, {"own": own}), place).sha256


def blobs(store: InMemoryS3) -> set[bytes]:
    return {data for key, data in store.objects.items() if key.startswith("blobs/")}


def test_what_a_listing_does_not_show_is_not_collected_where_it_is_known(
    store: InMemoryS3, archive: S3Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(archive, tmp_path, PLACE)
    following = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    monkeypatch.setattr(following, "find", lambda trial_id=None: [])
    following.collect([PLACE])
    following.restore(PLACE, tmp_path / "there")
    # Another that is known as well, and was removed, refers to nothing.
    following.collect([PLACE, PLACE._replace(level=9)])
    following.restore(PLACE, tmp_path / "there")
    following.collect()
    assert blobs(store) == set(), "else this shows nothing"


def test_where_a_manifest_cannot_be_read_nothing_is_collected_and_it_is_named(
    store: InMemoryS3, archive: S3Archive, tmp_path: Path
) -> None:
    for level in (1, 3):
        keep(archive, tmp_path, PLACE._replace(level=level), b"%d" % level)
    archive.remove(PLACE._replace(level=1))
    store.flip(archive.address.manifest(PLACE), 100)
    following = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    with pytest.raises(CheckpointError, match=r"trial 1's checkpoint of level 3 .* is not known"):
        following.collect()
    assert blobs(store) == {b"1", b"3"}


class Between(InMemoryS3):
    """Has something happen before a request of one kind, once."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, Callable[[], object]] = {}

    def __getattribute__(self, name: str) -> Any:
        if name in (before := object.__getattribute__(self, "__dict__").get("before", {})):
            before.pop(name)()
        return super().__getattribute__(name)


@pytest.mark.parametrize("moment", ["get_paginator", "paginate", "get_object"])
def test_a_keep_that_comes_between_any_two_requests_of_a_collection_is_safe(
    tmp_path: Path, moment: str
) -> None:
    store = Between()
    archive = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    keep(archive, tmp_path, PLACE, b"other")
    keep(archive, tmp_path, PLACE._replace(level=1))
    archive.remove(PLACE._replace(level=1))
    # The blob that nobody refers to any more is referred to again, without being sent.
    again = PLACE._replace(level=9)
    collector = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    store.before[moment] = lambda: keep(collector, tmp_path, again)
    collector.collect()
    assert not store.before, "nothing came between"
    collector.restore(again, tmp_path / "there")
    assert content(tmp_path / "there" / "00000009") == {"own": b"own"}


def test_an_upload_in_parts_that_is_under_way_is_not_given_up(
    client: Any, bucket: str, tmp_path: Path
) -> None:
    archive = S3Archive(f"s3://{bucket}", client=client, backoff_s=0.0005)
    data = {"weights": bytes(range(251)) * 70_000}  # three parts
    saved = make_checkpoint(tmp_path / "here", PLACE, data)
    send, times = client.upload_part, list[int]()

    def sending(**options: Any) -> Any:
        archive.collect()
        times.append(options["PartNumber"])
        return send(**options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "upload_part", sending)
        archive.keep(saved, PLACE)
    assert sorted(times) == [1, 2, 3]
    archive.restore(PLACE, tmp_path / "there")
    assert content(tmp_path / "there" / "00000003") == data


PLACES = st.builds(Place, st.integers(0, 2).map(TrialId), st.just(0), st.integers(1, 3))


class Collecting(RuleBasedStateMachine):
    """Against a model: a dict of what is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = InMemoryS3()
        self.kept: dict[Place, tuple[str, str]] = {}
        self.reopen()

    @rule()
    def reopen(self) -> None:
        """Another controller comes: it remembers nothing."""
        self.archive = S3Archive("s3://bucket", client=self.store, backoff_s=0.0)

    @rule(place=PLACES, own=st.integers(0, 1))
    def keep(self, place: Place, own: int) -> None:
        if place not in self.kept:
            digest = sha256(b"%d" % own).hexdigest()
            top = Path(self.folder.name, f"{len(self.store.objects)}-{own}")
            self.kept[place] = (keep(self.archive, top, place, b"%d" % own), digest)

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), trial=st.integers(3, 4))
    def copy(self, data: st.DataObject, trial: int) -> None:
        source = data.draw(st.sampled_from(sorted(self.kept)))
        target = source._replace(trial_id=TrialId(trial))
        if target not in self.kept:
            manifest, digest = self.kept[source]
            self.kept[target] = (self.archive.copy(source, target, manifest).sha256, digest)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.kept)))
        del self.kept[place]
        self.archive.remove(place)

    @rule()
    def collect(self) -> None:
        self.archive.collect(self.kept)
        held = {key.removeprefix("blobs/") for key in self.store.objects if "blobs/" in key}
        assert held == {digest for _, digest in self.kept.values()}

    @invariant()
    def what_is_kept_is_there(self) -> None:
        assert set(self.archive.find()) == set(self.kept)
        for _, digest in self.kept.values():
            assert f"blobs/{digest}" in self.store.objects

    def teardown(self) -> None:
        self.folder.cleanup()


TestCollecting = Collecting.TestCase
TestCollecting.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
