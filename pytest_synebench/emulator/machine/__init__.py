"""The machines of training jobs: containers, their files in S3, their logs."""
