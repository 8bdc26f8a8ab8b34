"""A checkpoint's directory: whole, or refused by name."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from earlier import earlier_checkpoint, manifest_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.hashing import PART_BYTES
from pytest_synebench.errors import CheckpointError

FILES = {"state.json": b'{"epoch": 3}', "deep/er/weights.bin": bytes(range(256))}


def fill_with(files: dict[str, bytes]) -> Callable[[str], None]:
    def fill(path: str) -> None:
        for name, data in files.items():
            target = Path(path) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    return fill


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def saved(store: Path) -> Path:
    """Return the directory of one good checkpoint, of level 3."""
    manifest.save(str(store), 3, fill_with(FILES), trial=7)
    return store / "00000003"


def names(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir())


def test_a_checkpoint_is_its_files_and_a_manifest_that_names_them(saved: Path) -> None:
    found = manifest.verify(str(saved), 3, trial=7)
    assert (found.trial, found.level) == (7, 3)
    assert {name: told["size"] for name, told in found.files.items()} == {
        "state.json": 12,
        "deep/er/weights.bin": 256,
    }
    told = json.loads((saved / "manifest.json").read_text())
    assert told.keys() == {"schema", "trial", "level", "files", "sha256"}
    assert told["schema"] == 1


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_every_flipped_bit_is_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = tmp_path_factory.getbasetemp() / "flips"
    saved = store / "00000003"
    if not saved.exists():
        manifest.save(str(store), 3, fill_with(FILES), trial=7)
    path = saved / data.draw(st.sampled_from([*FILES, "manifest.json"]))
    good = path.read_bytes()
    at = data.draw(st.integers(0, len(good) * 8 - 1))
    bad = bytearray(good)
    bad[at // 8] ^= 1 << at % 8
    path.write_bytes(bad)
    try:
        with pytest.raises(CheckpointError):
            manifest.verify(str(saved), 3)
    finally:
        path.write_bytes(good)
    manifest.verify(str(saved), 3)


LONG = {"weights": bytes(range(251)) * (PART_BYTES // 250), "state.json": b"{}"}


def test_a_long_file_makes_it_one_of_schema_2(store: Path) -> None:
    manifest.save(str(store), 3, fill_with(LONG), trial=7)
    told = json.loads((store / "00000003" / "manifest.json").read_text())
    assert told["schema"] == 2
    assert told["files"]["weights"]["sha256"].endswith("-2")
    assert "-" not in told["files"]["state.json"]["sha256"]
    manifest.verify(str(store / "00000003"), 3, trial=7)


@pytest.mark.parametrize("at", [0, PART_BYTES - 1, PART_BYTES, len(LONG["weights"]) - 1])
def test_a_changed_bit_of_a_long_file_is_detected(store: Path, at: int) -> None:
    manifest.save(str(store), 3, fill_with(LONG), trial=7)
    with (store / "00000003" / "weights").open("r+b") as file:
        file.seek(at)
        file.write(bytes([LONG["weights"][at] ^ 1]))
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        manifest.verify(str(store / "00000003"), 3)


def test_what_an_earlier_version_saved_is_read_and_compared(store: Path) -> None:
    saved = earlier_checkpoint(store, LONG)
    assert manifest.verify(str(saved), 3, trial=1).files["weights"]["size"] == len(LONG["weights"])
    with (saved / "weights").open("r+b") as file:
        file.write(b"!")
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        manifest.verify(str(saved), 3)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"../escaped": {"sha256": "0" * 64, "size": 1}}, "'../escaped' leads out"),
        ({"state.json": "x"}, "'state.json' has no size in its manifest"),
        ({"state.json": {"size": 12}}, "'state.json' has no SHA-256"),
        ({"state.json": {"sha256": 7, "size": 12}}, "'state.json' has no SHA-256"),
        ({"state.json": {"sha256": "0" * 64 + "-1", "size": 12}}, "'state.json' has no SHA-256"),
    ],
)
def test_what_somebody_forged_is_refused_by_name(
    saved: Path, files: dict[str, Any], reason: str
) -> None:
    (saved / "manifest.json").write_bytes(manifest_of({"files": files}))
    with pytest.raises(CheckpointError, match=reason):
        manifest.verify(str(saved), 3)


def damage_shorten(saved: Path) -> None:
    os.truncate(saved / "deep/er/weights.bin", 255)


def damage_remove(saved: Path) -> None:
    (saved / "state.json").unlink()


def damage_add(saved: Path) -> None:
    (saved / "deep/extra").touch()


def damage_link(saved: Path) -> None:
    (saved / "state.json").rename(saved.parent / "elsewhere")
    (saved / "state.json").symlink_to(saved.parent / "elsewhere")


def damage_link_folder(saved: Path) -> None:
    (saved / "deep").rename(saved.parent / "elsewhere")
    (saved / "deep").symlink_to(saved.parent / "elsewhere")


def damage_link_whole(saved: Path) -> None:
    saved.rename(saved.parent / "elsewhere")
    saved.symlink_to(saved.parent / "elsewhere")


def damage_link_manifest(saved: Path) -> None:
    (saved / "manifest.json").rename(saved.parent / "elsewhere")
    (saved / "manifest.json").symlink_to(saved.parent / "elsewhere")


def damage_pipe(saved: Path) -> None:
    os.mkfifo(saved / "pipe")


def damage_manifest_removed(saved: Path) -> None:
    (saved / "manifest.json").unlink()


def damage_manifest_torn(saved: Path) -> None:
    os.truncate(saved / "manifest.json", 20)


def damage_manifest_deep(saved: Path) -> None:
    (saved / "manifest.json").write_bytes(b"[" * 100_000)


def damage_manifest_binary(saved: Path) -> None:
    (saved / "manifest.json").write_bytes(b"\xff\x00")


def damage_manifest_list(saved: Path) -> None:
    (saved / "manifest.json").write_bytes(b"[1]")


def damage_manifest_without_files(saved: Path) -> None:
    (saved / "manifest.json").write_bytes(b'{"schema": 1, "level": 3, "trial": 7, "files": []}')


def damage_manifest_spaced(saved: Path) -> None:
    told = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(told, indent=1))


def damage_schema(saved: Path) -> None:
    told = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps({**told, "schema": 3}))


def damage_content(saved: Path) -> None:
    (saved / "state.json").write_bytes(b'{"epoch": 4}')


def damage_into_file(saved: Path) -> None:
    shutil.rmtree(saved)
    saved.touch()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_shorten, "'deep/er/weights.bin' has 255 bytes, its manifest says 256"),
        (damage_remove, "'state.json' is in the manifest but not in the directory"),
        (damage_add, "'deep/extra' is in the directory but not in the manifest"),
        (damage_link, "'state.json' is a symbolic link"),
        (damage_link_folder, "'deep' is a symbolic link"),
        (damage_link_whole, "it is a symbolic link"),
        (damage_link_manifest, "'manifest.json' is not a regular file"),
        (damage_pipe, "'pipe' is no regular file"),
        (damage_manifest_removed, "it has no 'manifest.json'"),
        (damage_manifest_torn, "'manifest.json' cannot be read: "),
        (damage_manifest_deep, "'manifest.json' cannot be read: "),
        (damage_manifest_binary, "'manifest.json' cannot be read: "),
        (damage_manifest_list, "'manifest.json' is not a manifest"),
        (damage_manifest_without_files, "'manifest.json' is not a manifest"),
        (damage_manifest_spaced, "'manifest.json' was changed after it was saved"),
        (damage_schema, "its schema is 3; this version reads 1 and 2 only"),
        (damage_content, "'state.json' was changed after it was saved: its SHA-256 differs"),
        (damage_into_file, "it cannot be read: .*Not a directory"),
    ],
)
def test_damage_is_refused_by_name(
    saved: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(saved)
    with pytest.raises(CheckpointError, match=f"^{reason}"):
        manifest.verify(str(saved), 3)


def test_a_checkpoint_of_another_level_or_trial_is_refused(saved: Path, store: Path) -> None:
    moved = saved.rename(store / "00000009")
    with pytest.raises(CheckpointError, match="its manifest is of level 3, not 9"):
        manifest.verify(str(moved), 9)
    with pytest.raises(CheckpointError, match="its manifest is of trial 7, not 70"):
        manifest.verify(str(moved), 3, trial=70)


def test_two_generations_are_kept(store: Path) -> None:
    for level in (1, 3, 9):
        manifest.save(str(store), level, fill_with(FILES))
    assert manifest.levels(str(store)) == [3, 9]
    assert names(store) == ["00000003", "00000009"]


def test_levels_of_a_run_that_was_given_up_go_and_the_resumed_one_stays(store: Path) -> None:
    for level in (3, 9):
        manifest.save(str(store), level, fill_with(FILES))
    manifest.save(str(store), 4, fill_with(FILES))
    assert manifest.levels(str(store)) == [3, 4]


def test_a_level_saved_again_has_the_new_bytes(saved: Path, store: Path) -> None:
    manifest.save(str(store), 3, fill_with({"other": b"new"}), trial=7)
    assert manifest.verify(str(saved), 3).files.keys() == {"other"}
    assert names(store) == ["00000003"]


def test_later_levels_can_be_discarded_again_and_again(store: Path) -> None:
    for level in (1, 3):
        manifest.save(str(store), level, fill_with(FILES))
    for _ in range(2):
        manifest.discard_beyond(str(store), 1)
        assert names(store) == ["00000001"]
    manifest.discard_beyond(str(store), 0)
    assert names(store) == []
    manifest.discard_beyond(str(store / "nowhere"), 0)


def test_only_names_we_give_count_as_levels(store: Path) -> None:
    for name in ("00000007", "123456789", "7", "0000007x", ".part-00000001-1", "0000000\u0661"):
        (store / name).mkdir(parents=True)
    assert manifest.levels(str(store)) == [7, 123456789]


def test_what_an_earlier_process_left_behind_is_collected(store: Path) -> None:
    (store / ".part-00000001-99" / "deep").mkdir(parents=True)
    (store / ".part-file").touch()
    (store / ".part-link").symlink_to(store)
    manifest.save(str(store), 3, fill_with(FILES))
    assert names(store) == ["00000003"]


def fill_nothing(path: str) -> None:
    pass


def fill_link(path: str) -> None:
    Path(os.path.join(path, "x")).symlink_to("/etc/passwd")  # noqa: PTH118


def fill_full_disk(path: str) -> None:
    (Path(path) / "state.json").write_text("half")
    with Path("/dev/full").open("w") as full:
        full.write("x")


def fill_bug(path: str) -> None:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (fill_nothing, "save_model_fn wrote no file into the directory it was given"),
        (fill_link, "'x' is a symbolic link"),
        (fill_with({"manifest.json": b""}), "'manifest.json' is our own file's name"),
        (fill_full_disk, "OSError: .* No space left on device"),
        (fill_bug, "ZeroDivisionError: division by zero"),
    ],
)
def test_a_save_that_fails_says_so_and_leaves_the_earlier_one_intact(
    saved: Path, store: Path, fill: Callable[[str], None], reason: str
) -> None:
    with pytest.raises(
        CheckpointError,
        match=f"the checkpoint of level 9 in .* was not saved: {reason}.*; the one of level 3 is",
    ):
        manifest.save(str(store), 9, fill)
    assert names(store) == ["00000003"]
    manifest.verify(str(saved), 3)


def test_a_first_save_that_fails_says_that_there_is_no_earlier_one(store: Path) -> None:
    with pytest.raises(CheckpointError, match="; there is no earlier one"):
        manifest.save(str(store), 1, fill_bug)


def test_a_disk_that_does_not_confirm_is_a_save_that_failed(
    saved: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(CheckpointError, match="Input/output error"):
        manifest.save(str(store), 9, fill_with(FILES))
    assert names(store) == ["00000003"]


def test_a_directory_that_cannot_be_made_is_a_save_that_failed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"Not a directory|File exists"):
        manifest.save(str(tmp_path / "file" / "checkpoints"), 1, fill_with(FILES))
