from __future__ import annotations

import re

from sagemaker_jobs import LAYOUT

from pytest_synebench.backends.sagemaker.layout import Layout


def test_no_run_begins_as_another() -> None:
    runs = [Layout(bucket="b", prefix="hpo/", run=run).experiment for run in ("r0", "r00")]
    assert not runs[1].startswith(runs[0])
    assert LAYOUT.output().startswith(LAYOUT.experiment)
    assert not LAYOUT.source("0" * 64).startswith(LAYOUT.experiment)


def test_a_uri_is_one_that_the_service_allows() -> None:
    for key in (LAYOUT.source("0" * 64), LAYOUT.output()):
        assert re.fullmatch(r"(https|s3)://([^/]+)/?(.*)", LAYOUT.uri(key))
