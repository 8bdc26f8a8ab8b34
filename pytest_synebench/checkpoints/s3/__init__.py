"""The archive of checkpoints in S3, or in what speaks its language."""
