"""Where things of a run are in its bucket: every key is made here.

    <root>/source/<sha256>/            what a job starts from: entry.py, source.tar.gz
    <root>/attempts/<trial>/<attempt>/ what an attempt is told: briefing.json
    <root>/reports/<trial>/<attempt>/  what it sends back
    <root>/output/                     what the service itself writes

Source lies beside the runs, since runs share it.

Invariants (tests/backends/sagemaker/test_layout.py holds each one):
- no key of one attempt begins with the prefix of another's;
- a URI is one that the service's pattern allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synebench.backends.protocol import AttemptKey

ENTRY = "entry.py"
ARCHIVE = "source.tar.gz"
BRIEFING = "briefing.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The keys of one run."""

    bucket: str
    prefix: str  #: "" or ending with a slash: of all runs
    run: str  #: what no other run below the prefix is called; slashes may be in it

    def source(self, sha256: str) -> str:
        """Return what the keys of packed code begin with."""
        return f"{self.prefix}source/{sha256}/"

    def attempt(self, key: AttemptKey) -> str:
        """Return what the keys of an attempt's briefing begin with."""
        return f"{self._of('attempts', key)}"

    def reports(self, key: AttemptKey) -> str:
        """Return what the keys of an attempt's reports begin with."""
        return f"{self._of('reports', key)}"

    def output(self) -> str:
        """Return what the keys of the service's own output begin with."""
        return f"{self.prefix}{self.run}/output"

    def uri(self, key: str) -> str:
        """Return the URI of a key.

        >>> Layout(bucket="team", prefix="hpo/", run="r0").uri("hpo/r0/output")
        's3://team/hpo/r0/output'
        """
        return f"s3://{self.bucket}/{key}"

    def _of(self, what: str, key: AttemptKey) -> str:
        return f"{self.prefix}{self.run}/{what}/{key.trial_id:08d}/{key.number:06d}/"
