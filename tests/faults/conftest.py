"""An S3 in another process; without the extras, what needs it is left out."""

from importlib.util import find_spec

collect_ignore = (
    [] if find_spec("boto3") and find_spec("moto") else ["test_s3_faults.py", "test_s3_runs.py"]
)
