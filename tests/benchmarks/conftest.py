"""What the tests of the shipped benchmarks share."""

from __future__ import annotations

import gzip
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

collect_ignore = [] if find_spec("boto3") and find_spec("moto") else ["test_kept_in_s3.py"]


@pytest.fixture
def wikitext(tmp_path: Path) -> Path:
    """A folder with files of WikiText-2's form: blank lines, headings, words split at spaces."""
    (tmp_path / "wiki.train.tokens").write_text(
        " \n = Homarus gammarus = \n \n the European <unk> is a lobster <unk> the lobster <unk> \n"
        * 30,
        encoding="utf-8",
    )
    (tmp_path / "wiki.valid.tokens").write_text(
        " \n = Café = \n the lobster @-@ @-@ @-@ @-@ café \n" * 30, encoding="utf-8"
    )
    return tmp_path


@pytest.fixture
def idx_files(tmp_path: Path) -> Path:
    """A folder with files of Fashion-MNIST's form: 600 images, each as bright as its class."""
    labels = (np.arange(600) % 10).astype(np.uint8)
    pixels = np.repeat(labels * 25, 28 * 28).tobytes()
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, header, data in (
        ("train-images-idx3-ubyte.gz", struct.pack(">4I", 0x803, 600, 28, 28), pixels),
        ("train-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, 600), labels.tobytes()),
    ):
        (folder / name).write_bytes(gzip.compress(header + data))
    return folder
