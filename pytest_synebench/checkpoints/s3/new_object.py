"""Objects that S3 takes once: of several writers of one key, one has written it.

Invariant (tests/experiment/remote/tuning/test_log.py, tests/training/agent/): what a key holds
already is not replaced, and whoever comes late is told so.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from hashlib import sha256
from typing import Any

from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.errors import StoreError

_TAKEN = 412


def put_new(ask: Asking, client: Any, bucket: str, key: str, data: bytes) -> bool:
    """Write an object that must be new; return whether it was.

    Raises:
        StoreError: the store cannot be used.
    """
    put = partial(
        client.put_object,
        Bucket=bucket,
        Key=key,
        Body=data,
        IfNoneMatch="*",
        ChecksumSHA256=b64encode(sha256(data).digest()).decode(),
    )
    try:
        ask(put)
    except StoreError:
        raise
    except Exception as error:
        if status(error) != _TAKEN:
            raise
        return False
    return True
