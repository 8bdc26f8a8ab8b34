"""What the tests of the shipped benchmarks share."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from buckets import bucket, client, service

__all__ = ["bucket", "client", "service", "wikitext"]

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
