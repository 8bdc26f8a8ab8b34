"""S3 in a dictionary, for many examples: it answers what the archive asks, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError


class InMemoryS3:
    """A client of one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def flip(self, key: str, bit: int) -> None:
        """Change one bit of an object."""
        changed = bytearray(self.objects[key])
        changed[bit // 8] ^= 1 << bit % 8
        self.objects[key] = bytes(changed)

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Answer as boto3 does."""
        return {"ContentLength": len(self._found(Key))}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Answer as boto3 does."""
        data = self._found(Key)
        return {"ContentLength": len(data), "Body": io.BytesIO(data)}

    def put_object(self, *, Key: str, Body: bytes, **options: Any) -> dict[str, Any]:  # noqa: N803
        """Answer as boto3 does."""
        if options.get("IfNoneMatch") and Key in self.objects:
            raise _refusal(412, "PreconditionFailed")
        self.objects[Key] = Body
        return {"ChecksumSHA256": options.get("ChecksumSHA256")}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        """Answer as boto3 does."""
        self.objects.pop(Key, None)

    def get_paginator(self, what: str) -> InMemoryS3:
        """Answer as boto3 does; nothing is ever sent in parts."""
        return self if what == "list_objects_v2" else InMemoryS3()

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        """Answer as boto3 does, a page for each object."""
        for key in sorted(self.objects):
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key, "LastModified": None}]}

    def _found(self, key: str) -> bytes:
        if key not in self.objects:
            raise _refusal(404, "NoSuchKey")
        return self.objects[key]


def _refusal(status: int, code: str) -> ClientError:
    told = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Asked")
