from __future__ import annotations

from buckets import bucket, client, service

__all__ = ["bucket", "client", "service"]
