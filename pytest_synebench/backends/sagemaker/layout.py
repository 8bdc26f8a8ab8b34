"""Where things of a run are in its bucket: every key is made here.

    <prefix>source/<sha256>/    what a job starts from: entry.py, source.tar.gz
    <prefix><run>/…             what the run's jobs are told, say and keep: training/agent/letters
                                and checkpoints/s3 make those keys
    <prefix><run>/output/       what the service itself writes

Source lies beside the runs, since runs share it.

Invariants (tests/backends/sagemaker/test_layout.py holds each one):
- no key of one run begins with the prefix of another's;
- a URI is one that the service's pattern allows.
"""

from __future__ import annotations

from dataclasses import dataclass

ENTRY = "entry.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The keys of one run."""

    bucket: str
    prefix: str  #: "" or ending with a slash: of all runs
    run: str  #: what no other run below the prefix is called; slashes may be in it

    def source(self, sha256: str) -> str:
        """Return what the keys of packed code begin with."""
        return f"{self.prefix}source/{sha256}/"

    @property
    def experiment(self) -> str:
        """Return what the keys of the run begin with."""
        return f"{self.prefix}{self.run}/"

    def output(self) -> str:
        """Return what the keys of the service's own output begin with."""
        return f"{self.experiment}output"

    def uri(self, key: str) -> str:
        """Return the URI of a key.

        >>> Layout(bucket="team", prefix="hpo/", run="r0").uri("hpo/r0/output")
        's3://team/hpo/r0/output'
        """
        return f"s3://{self.bucket}/{key}"
