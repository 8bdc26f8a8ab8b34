from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from sagemaker_jobs import LAYOUT

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.trial import TrialId

KEYS = st.builds(AttemptKey, st.integers(0, 10**6).map(TrialId), st.integers(0, 10**4))


@given(one=KEYS, other=KEYS)
def test_no_key_of_one_attempt_begins_with_the_prefix_of_anothers(
    one: AttemptKey, other: AttemptKey
) -> None:
    for keys in (LAYOUT.attempt, LAYOUT.reports):
        assert (one == other) == keys(one).startswith(keys(other))
    assert not LAYOUT.attempt(one).startswith(LAYOUT.reports(other))


def test_a_uri_is_one_that_the_service_allows() -> None:
    for key in (LAYOUT.source("0" * 64), LAYOUT.output()):
        assert re.fullmatch(r"(https|s3)://([^/]+)/?(.*)", LAYOUT.uri(key))
