"""Names of training jobs: one per attempt, the same whenever it is asked for.

    <benchmark>-<hash of the run>-<trial, 6 digits>-<attempt, 4 digits>

A name is used once in an account and region, for ever. So an attempt whose name follows from what
it is cannot have two jobs, whatever answers get lost and whoever asks again.

Invariants (tests/backends/sagemaker/test_names.py holds each one):
- every name satisfies the service's pattern and length, whatever a benchmark is called;
- a name gives back the attempt it was made of, and no name of another run gives one;
- the name of one attempt is never the beginning of another's.

Source: CreateTrainingJob, TrainingJobName: ``[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}``.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.errors import BackendError
from pytest_synebench.trial import TrialId

LONGEST = 63
_HASH_CHARACTERS = 16  #: 80 bits: of a million runs, two share a name with probability 4e-13
_SLUG_CHARACTERS = 33  #: leaves what trial and attempt take at most
_TRIALS, _ATTEMPTS = 10**6, 10**4
_UNSAFE = re.compile(r"[^a-zA-Z0-9]+")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether a job can be called so.

    >>> is_name("toy-20260101T000000-ab12cd"), is_name("a_b"), is_name("-a"), is_name("a" * 64)
    (True, False, False, False)
    """
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


class Names:
    """Names of one run's jobs."""

    def __init__(self, benchmark: str, run: str) -> None:
        """Name the jobs of a run.

        Args:
            benchmark: its name, for people.
            run: what no other run anywhere is called: its directory's name has time and chance.
        """
        slug = _UNSAFE.sub("-", benchmark).strip("-")[:_SLUG_CHARACTERS].strip("-") or "trial"
        digest = b32encode(sha256(run.encode(errors="surrogatepass")).digest()).decode().lower()
        self.prefix = f"{slug}-{digest[:_HASH_CHARACTERS]}-"  #: begins the names of this run only

    def job(self, key: AttemptKey) -> str:
        """Return the name of an attempt's job.

        Raises:
            BackendError: the numbers are larger than a name can hold.

        >>> Names("lstm_wikitext2", "r0-20260101").job(AttemptKey(TrialId(12), 3))
        'lstm-wikitext2-fbfqlyjq2x4kn2kq-000012-0003'
        """
        if not (0 <= key.trial_id < _TRIALS and 0 <= key.number < _ATTEMPTS):
            raise BackendError(
                f"trial {key.trial_id}, attempt {key.number}: names of training jobs hold trials "
                f"below {_TRIALS} and attempts below {_ATTEMPTS}; run fewer of them"
            )
        return f"{self.prefix}{key.trial_id:06d}-{key.number:04d}"

    def attempt(self, job: str) -> AttemptKey | None:
        """Return the attempt whose job has a name; None: it is no job of this run."""
        found = re.fullmatch(r"(\d{6})-(\d{4})", job.removeprefix(self.prefix), re.ASCII)
        if found is None or not job.startswith(self.prefix):
            return None
        return AttemptKey(TrialId(int(found[1])), int(found[2]))
