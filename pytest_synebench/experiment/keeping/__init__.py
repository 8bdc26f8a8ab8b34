"""Keeping the checkpoints of a run in an archive, while it runs."""
