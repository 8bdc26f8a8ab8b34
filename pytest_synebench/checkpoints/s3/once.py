"""A body that has a SHA-256 is not hashed a second time to be signed.

botocore signs the SHA-256 of a body as well, where it was given one as a checksum. That header is
signed like all others, and S3 compares the body with it: the second hash of the same bytes decides
nothing. Whoever has ``payload_signing_enabled`` in a profile gets what it says.

Invariants (tests/checkpoints/s3/test_once.py):
- a request with a SHA-256 of its body is signed with that header, and its body is not hashed again;
- every other request, and each of a user whose profile asks for it, is signed with its body.
"""

from __future__ import annotations

from typing import Any

_CHECKSUM = "x-amz-checksum-sha256"
_OPTION = "payload_signing_enabled"


def hash_once(client: Any) -> None:
    """Have a client of S3 sign the SHA-256 that a request has, in place of another of its body."""
    told = client.meta.config.s3 or {}
    if _OPTION in told:
        return
    from botocore.config import Config

    unsigned = client.meta.config.merge(Config(s3={**told, _OPTION: False}))

    def before_sign(request: Any, **_: Any) -> None:
        if _CHECKSUM in request.headers:
            request.context["client_config"] = unsigned

    client.meta.events.register("before-sign.s3", before_sign)
