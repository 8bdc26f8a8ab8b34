"""Every key, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import TrialId

IDS = st.integers(0, 10**9)
PLACES = st.builds(Place, IDS.map(TrialId), IDS, IDS)
ADDRESS = Address.of("s3://bucket/hpo", "toy/one/r0")


@given(place=PLACES)
def test_a_key_gives_back_its_place(place: Place) -> None:
    assert ADDRESS.place(ADDRESS.manifest(place)) == place


@given(first=PLACES, second=PLACES)
def test_no_key_of_one_trial_begins_with_the_prefix_of_another(first: Place, second: Place) -> None:
    meets = ADDRESS.manifest(first).startswith(ADDRESS.trial(second.trial_id))
    assert meets == (first.trial_id == second.trial_id)


@pytest.mark.parametrize(
    "key",
    [
        "hpo/toy/one/r0/trials/1/000000/00000003.json",
        "hpo/toy/one/r0/trials/00000001/000000/00000003.json.part",
        "hpo/toy/one/r0/trials/000000001/000000/00000003.json",
        "hpo/toy/one/r1/trials/00000001/000000/00000003.json",
        "hpo/toy/one/r0/trials/0000000\u0661/000000/00000003.json",
        "hpo/toy/one/r0/blobs/abc",
    ],
)
def test_what_is_no_key_of_ours_is_no_place(key: str) -> None:
    assert ADDRESS.place(key) is None


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("s3://bucket", "x/r0/"),
        ("s3://bucket/", "x/r0/"),
        ("s3://bucket/a/b", "a/b/x/r0/"),
        ("s3://bucket//a//b//", "a/b/x/r0/"),
    ],
)
def test_a_url_is_a_bucket_and_a_prefix(url: str, prefix: str) -> None:
    assert Address.of(url, "x/r0") == Address(bucket="bucket", prefix=prefix)


@pytest.mark.parametrize(
    "url", ["bucket/a", "s3:/bucket", "s3://", "s3://B/a", "s3://a_b", "s3://ab"]
)
def test_a_url_without_a_bucket_is_refused_with_the_rule(url: str) -> None:
    with pytest.raises(UsageError, match="names no bucket; write s3://BUCKET/PREFIX"):
        Address.of(url)
