"""An S3 in another process."""

from buckets import bucket, client, service

__all__ = ["bucket", "client", "service"]
