"""The images: files of Fashion-MNIST as they are published, or the digits of scikit-learn.

Fashion-MNIST is looked for in ``dataset_path``; Debian's package ``dataset-fashion-mnist`` puts it
where ``DEBIAN`` says. The stand-in is a file of scikit-learn's, read without importing that. What
is trained on is called by the hash of its content, packed or not, so results over different data
are told apart.

Invariants (tests/benchmarks/test_mlp_fashionmnist_images.py holds each one):
- importing it loads neither torch nor sklearn; reading draws no random number;
- no more is unpacked than the file's own header says, and no more than ``MOST`` images;
- a file that is missing, cut short, too long or of another kind is named, with rule and way out;
- only the published content is called Fashion-MNIST;
- the first five sixths are for training, the rest for validation, as 50,000 + 10,000 were.

Source: the IDX format as described at the home of MNIST; split as in the original benchmark.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from contextlib import closing
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
SIDE, CLASSES, MOST = 28, 10, 100_000
#: sha256 of the published images and labels, unpacked
PUBLISHED = "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157"
_INSIDE = ("", "FashionMNIST/raw")  # torchvision unpacks into the second
_MAGIC = {IMAGES: 0x803, LABELS: 0x801}  # bytes; three dimensions and one
_CHUNK = 1 << 20
_WAY_OUT = "or train on digits: --dataset_name digits and no dataset_path"


class Images(NamedTuple):
    """Labelled images, in the order of the files."""

    pixels: NDArray[np.float32]  #: a row per image, values from 0 to 1
    labels: NDArray[np.int64]  #: from 0 to 9


class Described(NamedTuple):
    """What a result must say of its data, and what a cost model has to know."""

    name: str  #: of the data, with the hash of its content
    inputs: int  #: pixels of an image
    train: int  #: images for training


def read_images(dataset_path: str = "") -> tuple[Images, Images]:
    """Return the images for training and for validation.

    Args:
        dataset_path: folder with the files of Fashion-MNIST; ``""``: the digits of scikit-learn.

    Raises:
        OSError: a file is missing or cannot be read; the text names it and the way out.
        ValueError: a file is not what its name says; the text names value, rule and way out.
    """
    pixels, labels, scale = _fashion(Path(dataset_path)) if dataset_path else _digits()
    rows = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(scale)
    at = _first_valid(len(rows))
    classes = labels.astype(np.int64)
    return Images(rows[:at], classes[:at]), Images(rows[at:], classes[at:])


def describe(dataset_path: str = "") -> Described:
    """Return name, hash and sizes of the data, for every result that is made from it.

    Raises:
        OSError: a file is missing or cannot be read; the text names it and the way out.
        ValueError: a file is not what its name says; the text names value, rule and way out.
    """
    files = find_files(Path(dataset_path)) if dataset_path else (_digits_file(),)
    # Unpacking takes a third of a second, and a definition is asked for several times.
    stamps = tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return _described(dataset_path, stamps)


@lru_cache(maxsize=8)
def _described(dataset_path: str, _: tuple[tuple[int, int], ...]) -> Described:
    pixels, labels, _scale = _fashion(Path(dataset_path)) if dataset_path else _digits()
    digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    name = "digits of scikit-learn (stand-in)"
    if dataset_path:
        name = "Fashion-MNIST" if digest == PUBLISHED else f"{IMAGES} + {LABELS}"
    inputs = math.prod(pixels.shape[1:])
    return Described(f"{name}, sha256 {digest[:12]}", inputs, _first_valid(len(pixels)))


def _first_valid(images: int) -> int:
    return images * 5 // 6


def find_files(folder: Path) -> tuple[Path, Path]:
    """Return the files of images and labels in a folder, packed or not.

    Raises:
        FileNotFoundError: one is missing; the text names it and the way out.
    """
    for inside in _INSIDE:
        images, labels = (_either(folder / inside, name) for name in (IMAGES, LABELS))
        if images and labels:
            return images, labels
    missing = IMAGES if not _either(folder, IMAGES) else LABELS
    problem = "there is no such folder" if not folder.is_dir() else f"it holds no {missing}[.gz]"
    raise FileNotFoundError(
        f"dataset_path is {str(folder)!r}, but {problem}; put {IMAGES}.gz and {LABELS}.gz of "
        f"Fashion-MNIST there, {_WAY_OUT}"
    )


def _either(folder: Path, name: str) -> Path | None:
    places = (folder / f"{name}.gz", folder / name)
    return next((place for place in places if place.is_file()), None)


def _fashion(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    images, labels = find_files(folder)
    pixels, classes = read_idx(images, IMAGES), read_idx(labels, LABELS)
    if len(pixels) != len(classes):
        raise _wrong(labels, f"has {len(classes)} labels for {len(pixels)} images; one is for each")
    if classes.max() >= CLASSES:
        raise _wrong(labels, f"has the label {classes.max()}; labels are from 0 to {CLASSES - 1}")
    return pixels, classes, 255


def read_idx(path: Path, kind: str) -> NDArray[np.uint8]:
    """Return what an IDX file holds, packed with gzip if its name ends so.

    Args:
        path: of the file.
        kind: ``IMAGES`` or ``LABELS``: what it must be.

    Raises:
        ValueError: it is not that, or damaged; the text names value, rule and way out.
    """
    try:
        with closing(_opened(path)) as file:
            shape = _shape(path, kind, file.read(4 * (_MAGIC[kind] & 0xFF) + 4))
            # One more than there may be: whoever goes on beyond his own header is refused.
            data = _at_most(file, math.prod(shape) + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _wrong(path, f"cannot be unpacked ({error}); it must be a whole gzip file") from None
    if len(data) != math.prod(shape):
        more = len(data) > math.prod(shape)
        found = "more" if more else f"only {len(data):,}"
        raise _wrong(path, f"has {found} bytes of data; its header says {math.prod(shape):,}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _at_most(file: BinaryIO, size: int) -> bytes:
    parts = []
    while size and (part := file.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _shape(path: Path, kind: str, header: bytes) -> tuple[int, ...]:
    dimensions = _MAGIC[kind] & 0xFF
    if len(header) < 4 * dimensions + 4:
        raise _wrong(path, f"has {len(header)} bytes; the header alone takes {4 * dimensions + 4}")
    magic, count, *sides = struct.unpack(f">{dimensions + 1}I", header)
    if magic != _MAGIC[kind]:
        raise _wrong(path, f"begins with {magic:#010x}; such a file has {_MAGIC[kind]:#010x}")
    if not 12 <= count <= MOST:
        raise _wrong(path, f"says that it holds {count:,}; it must be from 12 to {MOST:,}")
    if any(side != SIDE for side in sides):
        size = " by ".join(map(str, sides))
        raise _wrong(path, f"says that its images are {size}; they must be {SIDE} by {SIDE}")
    return count, *sides


def _wrong(path: Path, problem: str) -> ValueError:
    return ValueError(f"{path} {problem}. Fetch the files of Fashion-MNIST again, {_WAY_OUT}")


def has_fashion() -> bool:
    """Whether Debian's package is there."""
    return _either(DEBIAN, IMAGES) is not None and _either(DEBIAN, LABELS) is not None


def has_digits() -> bool:
    """Whether scikit-learn is there, whose digits are the stand-in."""
    return find_spec("sklearn") is not None


def _digits_file() -> Path:
    spec = find_spec("sklearn")
    roots = (spec.submodule_search_locations if spec else None) or [""]
    path = Path(roots[0], "datasets", "data", "digits.csv.gz")
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path if spec else 'scikit-learn'}, whose digits stand in for "
            "Fashion-MNIST; pip install 'pytest-synebench[sklearn]', or pass --dataset_path DIR, "
            f"a folder with {IMAGES}.gz and {LABELS}.gz"
        )
    return path


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    with gzip.open(_digits_file(), "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1]), 16
