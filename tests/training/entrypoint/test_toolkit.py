"""AWS's own entry point, of the package ``sagemaker-training``, under the contract of jobs.

It pins old things, so it has an environment of its own, which ``tox -e toolkit`` makes. What it
does otherwise than the contract says is listed by the names of the rules.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from job_contract import TELLS, Job, JobContract, Start, ours
from training_jobs import BUCKET, prepare

TOOLKIT = Path(os.environ.get("SYNEBENCH_TOOLKIT") or "/none") / "bin" / "train"
pytestmark = pytest.mark.skipif(
    not TOOLKIT.is_file(),
    reason="needs sagemaker-training in an environment of its own: tox -e toolkit",
)

DIFFERS = {
    "test_a_null_is_no_argument": "it passes an empty argument",
    "test_lists_and_mappings_are_json": "a list is written as Python does, a mapping as k=v,…",
    "test_an_exit_code_is_the_jobs": "it ends with 1, whatever the script ended with",
    "test_a_signal_is_told_as_a_shell_does": "it ends with 1, whatever the script ended by",
    "test_the_last_words_of_a_failure_are_told": "its failure names the command, not the error",
    "test_a_handler_stops_the_script_cleanly_within_the_grace": "it does not pass SIGTERM on",
    "test_a_script_without_a_handler_ends_at_once": "it does not pass SIGTERM on",
}
#: Variables that only the toolkit sets, and why our entry point does not.
NOT_OURS = {
    "SM_TRAINING_ENV": "all of the others once more, in one",
    "SM_FRAMEWORK_MODULE": "of the toolkit's own frameworks",
    "SM_FRAMEWORK_PARAMS": "of the toolkit's own frameworks",
    "SM_DISTRIBUTION_INSTANCE_GROUPS": "of the toolkit's own launchers",
    "SM_NUM_NEURONS": "of machines whose frameworks we have no image of",
}


class TestToolkit(JobContract):
    """It breaks these rules, and no other."""

    differs = DIFFERS
    patience_s = 20.0  # what never ends is not waited for longer than this

    def start(self, folder: Path) -> Start:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(folder, ".")
        submitted = f"s3://{BUCKET}/submitted/sourcedir.tar.gz"
        return Start(
            entrypoint=[str(TOOLKIT)],
            hyperparameters={
                "sagemaker_program": json.dumps("train.py"),
                "sagemaker_submit_directory": json.dumps(submitted),
            },
            files={"submitted/sourcedir.tar.gz": archive.getvalue()},
        )

    def test_what_it_sets_is_ours_too_or_listed(self, job: Job, tmp_path: Path) -> None:
        job.begin(TELLS, lr="0.1")
        job.ends("Completed")
        theirs = set(job.told["variables"])
        job.emulator.reset()

        class Ours(JobContract):
            def start(self, folder: Path) -> Start:
                return ours(folder)

        prepare(job.emulator)
        (tmp_path / "ours").mkdir()
        mine = Job(job.emulator, tmp_path / "ours", Ours())
        mine.begin(TELLS, lr="0.1")
        mine.ends("Completed")
        assert theirs - set(mine.told["variables"]) == set(NOT_OURS)
