"""The images that mlp_fashionmnist trains on: files as they are published, hostile ones, digits."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

images = import_module("pytest_synebench.benchmarks.mlp_fashionmnist.images")
IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


def test_files_are_split_five_to_one_in_their_order(idx_files: Path) -> None:
    train, valid = images.read_images(str(idx_files))

    assert (train.pixels.shape, valid.pixels.shape) == ((500, 784), (100, 784))
    for part in (train, valid):
        assert part.labels.tolist()[:11] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
        assert part.pixels[9].tolist() == [np.float32(225 / 255)] * 784


def test_unpacked_files_and_the_folder_of_torchvision_are_the_same_data(
    idx_files: Path, tmp_path: Path
) -> None:
    inside = tmp_path / "data" / "FashionMNIST" / "raw"
    inside.mkdir(parents=True)
    for file in idx_files.iterdir():
        (inside / file.stem).write_bytes(gzip.decompress(file.read_bytes()))

    packed = images.describe(str(idx_files))
    assert images.describe(str(tmp_path / "data")) == packed
    assert packed.name.startswith("train-images-idx3-ubyte + train-labels-idx1-ubyte, sha256 ")
    assert packed[1:] == (784, 500)


def test_only_the_published_content_is_called_fashion_mnist(
    idx_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = images.describe(str(idx_files)).name[-12:]
    monkeypatch.setattr(images, "PUBLISHED", _whole(idx_files))
    images._described.cache_clear()
    assert images.describe(str(idx_files)).name == f"Fashion-MNIST, sha256 {digest}"
    images._described.cache_clear()


def _whole(folder: Path) -> str:
    from hashlib import sha256

    pixels, labels = (gzip.decompress((folder / n).read_bytes()) for n in (IMAGES, LABELS))
    return sha256(pixels[16:] + labels[8:]).hexdigest()


def test_what_changes_is_read_again(idx_files: Path) -> None:
    before = images.describe(str(idx_files)).name
    labels = bytes(600)
    (idx_files / LABELS).write_bytes(gzip.compress(struct.pack(">2I", 0x801, 600) + labels))
    assert images.describe(str(idx_files)).name != before


def test_the_digits_are_read_without_sklearn() -> None:
    pytest.importorskip("sklearn")
    train, valid = images.read_images()

    assert (train.pixels.shape, valid.pixels.shape) == ((1497, 64), (300, 64))
    assert (train.pixels.min(), train.pixels.max()) == (0.0, 1.0)
    assert np.bincount(valid.labels).min() >= 27
    assert images.describe() == ("digits of scikit-learn (stand-in), sha256 87ff0c9e40dc", 64, 1497)


def test_without_sklearn_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r"no scikit-learn.*\[sklearn\].*--dataset_path"):
        images.describe()


@pytest.mark.parametrize("missing", [IMAGES, LABELS])
def test_a_missing_file_is_named_with_the_way_out(idx_files: Path, missing: str) -> None:
    (idx_files / missing).unlink()
    with pytest.raises(FileNotFoundError, match=rf"holds no {missing[:-3]}\[\.gz\]; put .*digits"):
        images.read_images(str(idx_files))


def repacked(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda packed: gzip.compress(change(gzip.decompress(packed)))


def head(magic: int, *sizes: int) -> Callable[[bytes], bytes]:
    header = struct.pack(f">{len(sizes) + 1}I", magic, *sizes)
    return repacked(lambda data: header + data[len(header) :])


few = repacked(lambda _: struct.pack(">2I", 0x801, 12) + bytes(12))
HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "no gzip": (IMAGES, lambda _: b"<html>", r"cannot be unpacked .*it must be a whole gzip file"),
    "cut short": (IMAGES, lambda b: b[:-20], r"cannot be unpacked"),
    "flipped": (IMAGES, lambda b: b[:-6] + b"\xff" + b[-5:], r"cannot be unpacked .*CRC"),
    "labels as images": (IMAGES, head(0x801, 600), r"begins with 0x00000801; .* has 0x00000803"),
    "empty": (IMAGES, repacked(lambda _: b""), r"has 0 bytes; the header alone takes 16"),
    "too few data": (IMAGES, head(0x803, 601, 28, 28), r"only 470,400 bytes of data; .*471,184"),
    "bomb": (IMAGES, repacked(lambda b: b + bytes(1 << 24)), r"has more bytes of data; .*470,400"),
    "huge count": (IMAGES, head(0x803, 2**32 - 1, 28, 28), r"4,294,967,295; .* 12 to 100,000"),
    "huge side": (IMAGES, head(0x803, 600, 2**31, 28), r"are 2147483648 by 28; .* 28 by 28"),
    "no image": (IMAGES, head(0x803, 0, 28, 28), r"holds 0; it must be from 12"),
    "fewer labels": (LABELS, few, r"has 12 labels for 600 images; one is for each"),
    "label 10": (LABELS, repacked(lambda b: b[:-1] + b"\x0a"), r"the label 10; .*from 0 to 9"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_not_what_it_says_is_refused(idx_files: Path, name: str) -> None:
    file, change, message = HOSTILE[name]
    path = idx_files / file
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(ValueError, match=message) as refused:
        images.read_images(str(idx_files))
    assert str(refused.value).startswith(str(path))
    assert str(refused.value).endswith("train on digits: --dataset_name digits and no dataset_path")


def test_no_more_is_unpacked_than_the_header_says(idx_files: Path) -> None:
    import tracemalloc

    bomb = gzip.compress(struct.pack(">4I", 0x803, 600, 28, 28) + bytes(1 << 27))
    (idx_files / IMAGES).write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="has more bytes of data"):
            images.read_images(str(idx_files))
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@given(data=st.binary(max_size=200), kind=st.sampled_from([images.IMAGES, images.LABELS]))
def test_any_bytes_are_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    path = tmp_path_factory.mktemp("idx") / kind
    path.write_bytes(data)
    try:
        read = images.read_idx(path, kind)
    except ValueError as refused:
        assert str(path) in str(refused)  # noqa: PT017 - either may happen
    else:
        assert kind == images.LABELS
        assert len(read) == len(data) - 8
