"""Whether there is an image, where it is one of the account's own.

Invariants (tests/backends/sagemaker/preflight/test_image.py holds each one, on the emulator):
- an image of the account that its registry lacks is wrong, with the command that mends it;
- one that is another account's, AWS's included, is not looked up;
- what can be no image's name is wrong.
"""

from __future__ import annotations

import re

from pytest_synebench.backends.sagemaker.image_table import ACCOUNTS
from pytest_synebench.backends.sagemaker.preflight.asking import (
    Clients,
    code_of,
    failures,
    in_words,
)
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, ok, unknown, wrong

_ECR = re.compile(
    r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.-]+/([^:@]+)(?::([^:@]+)|@(sha256:[0-9a-f]+))?",
    re.ASCII,
)
_ABSENT = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def image(clients: Clients, uri: str, number: str, region: str) -> Finding:
    """Return whether there is an image.

    Args:
        clients: of the account.
        uri: of the image.
        number: of the account; "": nothing is known.
        region: of the jobs.
    """
    found = _ECR.fullmatch(uri)
    if re.search(r"\s", uri):
        mends = "--image_uri ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG"
        return wrong("image", f"{uri!r} has spaces, and no image's name has", mends)
    if found is None:
        return unknown("image", f"{uri}: it is in no registry of ECR")
    owner, home, repository, tag, digest = found.groups()
    if owner in ACCOUNTS.values():
        return ok("image", f"{uri}, published by AWS")
    if home != region:
        return unknown("image", f"{uri}: it is in {home}, and jobs run in {region}")
    if owner != number:
        return unknown("image", f"{uri}: it is account {owner}'s")
    which = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    try:
        clients("ecr").describe_images(repositoryName=repository, imageIds=[which])
    except failures() as error:
        if code_of(error) in _ABSENT:
            told = f"{uri}: {in_words(error)}"
            return wrong("image", told, f"docker push {uri}  (or: another --image_uri)")
        return unknown("image", f"{uri}: {in_words(error)}")
    return ok("image", uri)
