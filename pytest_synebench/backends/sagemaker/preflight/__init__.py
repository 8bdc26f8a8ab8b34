"""Looks, before any job, whether jobs can be made: account, role, bucket, quota, image."""
