from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from training_jobs import BUCKET, body, keys

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.machine import storage
from pytest_synebench.emulator.machine.storage import Checkpoints, UnreadableError

URI = f"s3://{BUCKET}/ck"


@pytest.fixture
def client(sagemaker_emulator: Emulator) -> Any:
    made = sagemaker_emulator.client("s3")
    made.create_bucket(Bucket=BUCKET)
    return made


def put(client: Any, key: str, text: str = "x") -> None:
    client.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def test_s3_follows_the_folder_deletions_included(
    client: Any, sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    put(client, "ck/old/state", "before")
    checkpoints = Checkpoints(client, URI, tmp_path)
    checkpoints.restore()
    assert (tmp_path / "old" / "state").read_text() == "before"

    (tmp_path / "new").write_text("1")
    put(client, "ck/foreign")
    checkpoints.sync()
    assert keys(sagemaker_emulator, "ck/") == ["ck/foreign", "ck/new", "ck/old/state"]
    assert not (tmp_path / "foreign").exists()

    (tmp_path / "old" / "state").unlink()
    (tmp_path / "new").write_text("23")
    checkpoints.sync()
    assert keys(sagemaker_emulator, "ck/") == ["ck/foreign", "ck/new"]
    assert body(sagemaker_emulator, "ck/new") == b"23"


def test_a_neighbour_whose_name_begins_alike_is_not_restored(client: Any, tmp_path: Path) -> None:
    put(client, "ck1/state")
    Checkpoints(client, URI, tmp_path).restore()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_did_not_change_is_not_sent_again(
    client: Any, sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(client, URI, tmp_path)
    (tmp_path / "state").write_text("1")
    checkpoints.sync()
    before = sagemaker_emulator.calls().get("s3.PUT", 0)
    checkpoints.sync()
    assert sagemaker_emulator.calls().get("s3.PUT", 0) == before


def test_an_object_by_its_whole_key_keeps_its_name(client: Any, tmp_path: Path) -> None:
    put(client, "code/train.py")
    # ASSUMED-13
    storage.download(client, f"s3://{BUCKET}/code/train.py", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_no_key_leads_out_of_its_folder(client: Any, tmp_path: Path) -> None:
    put(client, "ck/a/../../../escaped")
    with pytest.raises(UnreadableError, match="leads out of its folder"):
        storage.download(client, f"{URI}/", tmp_path / "inner" / "folder")
    assert not (tmp_path / "escaped").exists()


def test_a_bucket_that_is_not_there_is_named(client: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"s3://nobodys/x: .*NoSuchBucket"):
        storage.download(client, "s3://nobodys/x", tmp_path)


def test_a_model_is_one_archive(client: Any, sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("w")
    storage.upload_model(client, f"s3://{BUCKET}/m/model.tar.gz", tmp_path)
    with tarfile.open(fileobj=BytesIO(body(sagemaker_emulator, "m/model.tar.gz"))) as archive:
        assert archive.getnames() == ["weights"]
