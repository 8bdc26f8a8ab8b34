"""The user's code in a container."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from pytest_synebench.errors import TrialError
from pytest_synebench.training.entrypoint.sources import dependencies, install, unpack


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            member.size = 2 if member.isreg() else 0
            tar.addfile(member, io.BytesIO(b"1\n") if member.isreg() else None)
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_code_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "s.tar.gz", tarfile.TarInfo("train.py"), tarfile.TarInfo("a/b.py"))
    unpack(path, tmp_path / "code")
    assert (tmp_path / "code" / "a" / "b.py").read_text() == "1\n"


@pytest.mark.parametrize(
    "members",
    [
        (tarfile.TarInfo("../out"),),
        (link("a", "/etc/passwd"),),
        (link("a", ".."), tarfile.TarInfo("a/out")),
        (link("a", "../out", tarfile.LNKTYPE),),
        (link("a", "", tarfile.FIFOTYPE),),
        (link("a", "", tarfile.CHRTYPE),),
    ],
)
def test_what_would_leave_the_folder_is_refused(
    tmp_path: Path, members: tuple[tarfile.TarInfo, ...]
) -> None:
    path = archive(tmp_path / "s.tar.gz", *members)
    with pytest.raises(TrialError, match=r"s\.tar\.gz cannot be unpacked"):
        unpack(path, tmp_path / "in" / "code")
    assert not (tmp_path / "in" / "out").exists()


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\x1f\x8b\x08\0\0\0\0\0"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "s.tar.gz"
    path.write_bytes(data)
    with pytest.raises(TrialError, match="cannot be unpacked"):
        unpack(path, tmp_path / "code")


def test_dependencies_come_before_requirements(tmp_path: Path) -> None:
    assert dependencies(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("")
    assert dependencies(tmp_path) == tmp_path / "requirements.txt"
    (tmp_path / "dependencies.txt").write_text("")
    assert dependencies(tmp_path) == tmp_path / "dependencies.txt"


def test_what_cannot_be_installed_is_said_with_pips_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dependencies.txt"
    file.write_text(f"{tmp_path}/no-such-package\n")
    with pytest.raises(TrialError, match=r"(?s)dependencies\.txt could not be .*no-such-package"):
        install(file)
    file.write_text("# nothing\n")
    install(file)
    assert "no-such-package" in capfd.readouterr().out
