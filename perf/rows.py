"""The rows of the table of figures to reach: what each one means, and what its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import kept
import utilisation


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table of figures to reach."""

    key: str
    title: str
    what: str  #: one paragraph: what is run, and what the figure is
    columns: Mapping[str, str]  #: key to title with unit; the first one is drawn
    goal: str = ""
    limit: float | None = None  #: the goal of the first column
    #: the column that has the first one's figure at 1,000 trials, where that one is at 10,000
    early: str | None = None


ROWS = {
    row.key: row
    for row in (
        Row(
            key="torch",
            title="start + end of an attempt whose script imports torch",
            what="The script's first line is `import torch`; it reports once. Two runs of "
            "different length, 2 workers; the difference per trial, so that what is paid "
            "once per experiment is left out. CPU of the whole process tree.",
            columns={"cpu_ms": "CPU ms per attempt", "wall_ms": "wall ms per attempt"},
            goal="≤ 20 CPU ms",
            limit=20,
        ),
        Row(
            key="trivial",
            title="a trivial trial",
            what="40 trials of 5 reports, 2 workers, nothing imported but the reporter. Wall time "
            "of the experiment, from before the first start to after the last end, per "
            "trial; CPU of the whole command, imports of the controller included.",
            columns={
                "wall_ms": "wall ms per trial",
                "controller_ms": "controller's CPU ms per trial",
                "cpu_s": "CPU s, whole command",
            },
            goal="≤ 5 ms",
            limit=5,
        ),
        Row(
            key="asha",
            title="ASHA that pauses and resumes",
            what="40 trials, 9 epochs of 50 ms, eta 3, 2 workers; a checkpoint of 1 MB where a "
            "trial pauses. Wall time over the ideal: epochs run times 50 ms / 2 workers.",
            columns={"ratio": "wall / ideal", "epochs": "epochs run", "cpu_s": "CPU s"},
            goal="≤ 1.10",
            limit=1.1,
        ),
        Row(
            key="latency",
            title="report → decision",
            what="10 trials of 20 reports, 20 ms apart, 2 workers. From the script's call to the "
            "scheduler's decision; ours also until that decision stands in the journal, fsynced.",
            columns={
                "p50_ms": "p50, ms",
                "p95_ms": "p95, ms",
                "disk_p50_ms": "p50 until on disk, ms",
                "disk_p95_ms": "p95 until on disk, ms",
            },
            goal="≤ 0.5 / 3 ms",
            limit=0.5,
        ),
        Row(
            key="event",
            title="a scheduler's event at 10,000 trials",
            what="The scheduler alone plays a game of 10,000 trials, 27 levels, 4 at a time, "
            "losses drawn. CPU per event over its last 500 trials, the game's own share included; "
            "and over those up to the 1,000th. Ours without the collection of cycles, as in our "
            "simulated runs.",
            columns={
                "us": "μs at 10,000 trials",
                "early_us": "μs at 1,000 trials",
                "growth": "10,000 / 1,000 trials",
            },
            goal="≤ 20 μs, flat",
            limit=20,
            early="early_us",
        ),
        Row(
            key="simulator",
            title="a simulated report, journal written",
            what="Random configs of a synthetic table of 50 levels, 4 workers: an experiment of "
            "1,000 and one of 10,000 trials. CPU from the first start to the last end, per report. "
            "Syne Tune plays the same tables, without saving its tuner.",
            columns={
                "us": "μs at 10,000 trials",
                "early_us": "μs at 1,000 trials",
                "growth": "10,000 / 1,000 trials",
                "per_s": "reports per CPU s at 10,000",
            },
            goal="≤ 10 μs, flat",
            limit=10,
            early="early_us",
        ),
        Row(
            key="memory",
            title="memory of a simulated trial",
            what="The same experiments: what they have allocated and keep at their end, traced, "
            "per trial. The table was there before. A trial of `fifo` has 50 reports, one of ASHA "
            "three or four.",
            columns={
                "kib": "KiB per trial, 10,000 trials",
                "early_kib": "KiB per trial, 1,000 trials",
                "growth": "10,000 / 1,000 trials",
            },
            goal="published",
            early="early_kib",
        ),
        Row(
            key="unused",
            title="plugin installed but unused",
            what="`pytest` on one empty test, with the plugin and with `-p no:synebench`, in "
            "pairs; the median difference.",
            columns={
                "wall_ms": "added wall ms",
                "cpu_ms": "added CPU ms",
                "whole_ms": "pytest, ms",
            },
            goal="≤ 5 ms",
            limit=5,
        ),
        Row(
            key="reporter",
            title="import of the reporter in a trial",
            what="A fresh interpreter imports what a training script imports to report; ours "
            "once more with `json`, which its first report loads where the script has not.",
            columns={
                "cpu_ms": "CPU ms",
                "wall_ms": "wall ms",
                "modules": "modules",
                "json_ms": "CPU ms with `json`",
            },
            goal="≤ 5 ms, standard library only",
            limit=5,
        ),
        Row(
            key="items",
            title="a collected trial item",
            what="A finished run of 1,000 and of 10,000 trials is reported again, one pytest item "
            "per trial (`--synebench-resume --synebench-items trial`), against as many empty "
            "parametrised tests. CPU.",
            columns={
                "beyond_ms": "CPU ms per item beyond pytest's own",
                "growth": "10,000 items / 1,000 items",
                "plain_ms": "pytest's own CPU ms per item",
            },
            goal="≤ 1 ms; ≤ 11 times",
            limit=1,
        ),
        Row(
            key="resume",
            title="resume of 1,000 trials, 100,000 reports",
            what="`Run.open(resume=True)` on such a journal, until trials could start. Optuna: "
            "`load_study` and `trials` of a journal storage that lived through the same.",
            columns={"wall_s": "wall s", "cpu_s": "CPU s", "megabytes": "MB on disk"},
            goal="< 2 s",
            limit=2,
        ),
        Row(
            key="utilisation",
            title="utilisation lost to deterministic mode",
            what=utilisation.WHAT,
            columns=utilisation.COLUMNS,
            goal="published",
        ),
        *(Row(key=key, **kept.ROWS[key]) for key in kept.ROWS),
    )
}
