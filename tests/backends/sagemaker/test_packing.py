from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from pytest_synebench.backends.sagemaker import packing
from pytest_synebench.backends.sagemaker.packing import Source, pack
from pytest_synebench.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "code"
    (made / "inner").mkdir(parents=True)
    (made / "train.py").write_text("print(1)")
    (made / "inner" / "b.py").write_text("b = 1")
    (made / "dependencies.txt").write_text("tqdm\n")
    return made


def names(source: Source) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(source.archive)) as archive:
        return archive.getnames()


def test_the_same_files_give_the_same_key_wherever_and_whenever(
    folder: Path, tmp_path: Path
) -> None:
    first = pack(folder, {"entry.py": b"1"})
    os.utime(folder / "train.py", (1, 1))
    moved = folder.rename(tmp_path / "elsewhere")
    assert pack(moved, {"entry.py": b"1"}) == first
    assert names(first) == ["dependencies.txt", "entry.py", "inner/b.py", "train.py"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first.archive))) as archive:
        assert {(m.uid, m.uname, m.mtime) for m in archive} == {(0, "", 0)}


def test_a_byte_a_name_or_an_executable_bit_gives_another_key(folder: Path) -> None:
    keys = {pack(folder).sha256}
    (folder / "train.py").write_text("print(2)")
    keys.add(pack(folder).sha256)
    (folder / "train.py").rename(folder / "main.py")
    keys.add(pack(folder).sha256)
    (folder / "main.py").chmod(0o755)
    keys.add(pack(folder).sha256)
    keys.add(pack(folder, {"entry.py": b"2"}).sha256)
    assert len(keys) == 5


def test_caches_hidden_files_and_what_leads_out_stay_here(folder: Path, tmp_path: Path) -> None:
    before = pack(folder)
    for name in (".git/config", ".synebench/runs/x", "__pycache__/a.pyc", "inner/old.pyc", ".env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (tmp_path / "secret").write_text("s")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    assert pack(folder) == before


def test_virtual_environments_and_what_is_told_to_stay_stay_here(folder: Path) -> None:
    before = pack(folder)
    for name in ("env/pyvenv.cfg", "env/lib/a.py", "kept/runs/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert "kept/runs/x" in names(pack(folder))
    assert pack(folder, leave=[folder / "kept", folder / "absent"]) == before


def test_a_link_within_the_folder_travels_as_what_it_leads_to(folder: Path) -> None:
    (folder / "alias.py").symlink_to("train.py")
    with tarfile.open(fileobj=io.BytesIO(pack(folder).archive)) as archive:
        member = archive.extractfile("alias.py")
        assert member is not None
        assert member.read() == b"print(1)"


def test_a_folder_that_is_no_source_is_refused_by_its_largest_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "LARGEST_BYTES", 1000)
    (folder / "data.bin").write_bytes(b"x" * 2000)
    with pytest.raises(UsageError, match=r"2,018 bytes; .* at most 1,000. The largest: data.bin"):
        pack(folder)


def test_a_name_of_ours_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"train.py has the name of a file that travels"):
        pack(folder, {"train.py": b""})
