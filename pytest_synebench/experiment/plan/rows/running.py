"""Where and how trials run."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter

BACKENDS = ("local", "simulated", "sagemaker")

RUNNING = (
    Parameter(
        name="backend",
        default="local",
        kind=Kind.STR,
        choices=BACKENDS,
        help="where trials run: local, as processes of this machine; simulated, not at all: their "
        "curves are looked up in the benchmark's blackbox, in virtual time; sagemaker, as training "
        "jobs of Amazon SageMaker",
    ),
    Parameter(
        name="num_workers",
        default=4,
        kind=Kind.INT,
        minimum=1,
        help="trials that run at the same time, at most",
    ),
    Parameter(
        name="oversubscribe",
        default=False,
        kind=Kind.BOOL,
        help="run num_workers trials at once although the machine has too few processors or GPUs "
        "for them: for trials that mostly wait, or share a GPU",
    ),
    Parameter(
        name="deterministic",
        default=False,
        kind=Kind.BOOL,
        help="reports count in the order of a virtual clock, whatever runs how fast: the same seed "
        "gives the same journal, byte for byte",
    ),
    Parameter(
        name="checkpointing",
        default="auto",
        kind=Kind.STR,
        choices=("auto", "every", "on", "off"),
        help="auto: at the scheduler's levels, where it pauses trials; on: there, whatever the "
        "scheduler, at every level where it has none; every: at every level; off",
    ),
    Parameter(
        name="checkpoint_store",
        default="local",
        kind=Kind.STR,
        help="where checkpoints are kept as well: s3://BUCKET/PREFIX (the extra aws; "
        "AWS_ENDPOINT_URL for another service) or a folder; local: in the run's directory only",
    ),
    Parameter(
        name="checkpoint_retention",
        default="needed",
        kind=Kind.STR,
        choices=("needed", "all"),
        help="needed: two checkpoints of each trial that may go on or has failed, and those of the "
        "best trial; the others are removed, in the checkpoint_store as well; all: those of trials "
        "that completed or were stopped stay too, and in the checkpoint_store every one",
    ),
    Parameter(
        name="checkpoint_disk_mb",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="megabytes that a run's checkpoints take on this disk, at most: those of paused "
        "trials go where the checkpoint_store has them, else where they are least likely to be "
        "resumed; none: no bound",
    ),
    Parameter(
        name="results",
        default="local",
        kind=Kind.STR,
        help="where journal, results and metadata are copied, once a minute and at the end: "
        "s3://BUCKET/PREFIX (the extra aws); local: in the run's directory only",
    ),
    Parameter(
        name="strict_checkpoints",
        default=False,
        kind=Kind.BOOL,
        help="a trial fails where a checkpoint is refused (REJECTED), in place of going on from "
        "the one before it",
    ),
    Parameter(
        name="resume_examples",
        default=5,
        kind=Kind.INT,
        minimum=1,
        help="--synebench-verify-resume: sets of pauses that are tried",
    ),
    Parameter(
        name="resume_tolerance",
        default=0.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="--synebench-verify-resume: by how much numbers may differ; 0: not by a bit",
    ),
    Parameter(
        name="threads_per_trial",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="threads of a trial's libraries; none: OMP_NUM_THREADS where it is set, else the "
        "processors shared by the workers",
    ),
    Parameter(
        name="num_gpus_per_trial",
        default=1,
        kind=Kind.INT,
        minimum=0,
        help="GPUs that a trial sees, by CUDA_VISIBLE_DEVICES; 0: all of them, which then bound "
        "nothing; without effect where the machine has none",
    ),
    Parameter(
        name="launch",
        default="warm",
        kind=Kind.STR,
        choices=("warm", "cold"),
        help="warm: trials are forked from a process that has imported what the script imports; "
        "cold: each is an interpreter of its own, started from nothing",
    ),
    Parameter(
        name="stop_grace",
        default=10.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="seconds between asking a trial to end (SIGTERM) and ending it (SIGKILL)",
    ),
    Parameter(
        name="log_cap_mb",
        default=50,
        kind=Kind.INT,
        minimum=1,
        help="megabytes kept of a trial's stdout, and of its stderr",
    ),
    Parameter(
        name="report_rate",
        default=1000,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="reports per second of one trial beyond which its script waits in its report",
    ),
    Parameter(
        name="blackbox_seed",
        default=None,
        kind=Kind.INT,
        minimum=0,
        optional=True,
        help="simulated: which of the table's repeated measurements a run takes; none: one that "
        "follows from its own seed",
    ),
    Parameter(
        name="delay_start",
        default=0.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="simulated: virtual seconds between starting a trial and its script's first line",
    ),
    Parameter(
        name="delay_on_trial_result",
        default=0.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="simulated: virtual seconds between a report and its arrival",
    ),
    Parameter(
        name="delay_stop",
        default=0.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="simulated: virtual seconds between stopping a trial and its end",
    ),
    Parameter(
        name="delay_complete_after_final_report",
        default=0.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="simulated: virtual seconds between a trial's last report and its end",
    ),
)
