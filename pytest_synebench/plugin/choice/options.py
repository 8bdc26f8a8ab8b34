"""The options of the harness: called ``--synebench*``, and always there.

Parameters of benchmarks are bare (``--num_workers``), come from the table of parameters, and are
there only with ``--synebench``: ``parameter_options``. This file is imported in every session.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

DEST = "synebench_param_"  #: how the destinations of parameters begin
LAUNCH = {
    "variant": ("A,B", "variants to run; those on request run only when named here"),
    "run_id": ("INT[,INT]", "run ids: equal setups, other seeds (default: 0)"),
    "num_runs": ("INT", "the run ids from 0 up to this many"),
    "argument_groups": ("'A B|C D'", "lists that move together instead of being multiplied"),
    "audit": (None, "decide again over each journal and compare with what was decided"),
}


_GATE = (
    ("--synebench-save", "NAME", "keep the scores of these runs as the baseline NAME"),
    ("--synebench-compare", "NAME", "compare with the baseline NAME, and fail what is worse"),
    (
        "--synebench-gate",
        "RULE",
        "strict (default; alarms falsely once in 100 suites), sensitive (in 20), or best:2%",
    ),
    ("--synebench-accept", "REASON", "with --synebench-save: move what the baseline already has"),
)


def add_static(parser: pytest.Parser) -> None:
    """Add the options of the harness and its ini values."""
    group = parser.getgroup("synebench", "synebench: hyperparameter optimisation as a test suite")
    option = group.addoption
    option(
        "--synebench",
        action="append",
        metavar="NAME[,NAME]",
        help="run the experiments of these benchmarks (globs; repeatable); "
        "with --help: show their parameters",
    )
    option("--synebench-list", action="store_true", help="list benchmarks and their variants")
    option(
        "--synebench-set",
        action="append",
        metavar="[NAME.]KEY=VALUE",
        help="set a parameter, of one benchmark or of all; works where another plugin owns --KEY",
    )
    option(
        "--synebench-items",
        choices=("auto", "trial", "experiment"),
        default="auto",
        help="one item per trial, or one for all trials (auto: above 1,000)",
    )
    option(
        "--synebench-resume",
        action="store_true",
        help="go on with the newest unfinished run of each experiment",
    )
    option(
        "--synebench-dry-run",
        action="store_true",
        help="start and write nothing: print how many trials would reach which level, how many "
        "epochs that is, and how long it would take",
    )
    option(
        "--synebench-preflight",
        action="store_true",
        help="in place of the experiments, with --backend sagemaker: look whether their jobs can "
        "be made (credentials, region, role, bucket, quota, image), and tell what mends the rest",
    )
    option(
        "--synebench-verify-resume",
        action="store_true",
        help="in place of the experiments: train the first config of each variant without a break, "
        "and with pauses after which it goes on from the checkpoint_store (an S3 on loopback, "
        "unless that is named); every report and the last checkpoint must be the same",
    )
    option(
        "--synebench-takeover",
        action="store_true",
        help="with --synebench-resume: also where another session holds the run, if that one is "
        "stopped (Ctrl-Z) or on another machine; it writes nothing more from then on",
    )
    option(
        "--synebench-reap",
        nargs="?",
        const="*",
        metavar="JOB[,JOB]",
        help="in place of a session: list the training jobs of ours in the AWS account that no "
        "live run owns; with --yes they are asked to end, and those whose owner is unknown only "
        "where JOB names them",
    )
    option(
        "--synebench-remote",
        action="store_true",
        help="in place of running the experiments: submit each as a training job of SageMaker, in "
        "which pytest runs it, and return at once with their names",
    )
    option(
        "--synebench-attach",
        action="append",
        metavar="NAME[,NAME]",
        help="follow what --synebench-remote has submitted, and report it as if it had run here; "
        "with --synebench-resume: have another job go on where one was lost",
    )
    option(
        "--synebench-storage",
        metavar="DIR",
        help="where runs are kept (default: .synebench in the root directory)",
    )
    option(
        "--synebench-html",
        metavar="FILE",
        help="write one HTML page with pictures and tables of this session's runs and verdicts",
    )
    for name, metavar, text in _GATE:
        option(name, metavar=metavar, help=text.replace("%", "%%"))
    option(
        "--synebench-baseline-missing",
        choices=("fail", "skip"),
        default="fail",
        help="what a setup without a baseline is (default: fail)",
    )
    option(
        "--synebench-confirm",
        choices=("auto", "no"),
        default="auto",
        help="whether a red verdict of the rule strict is confirmed on fresh run ids of the base "
        "commit, which is checked out beside yours (default: auto, where it can be)",
    )
    option(
        "--synebench-rerun",
        action="store_true",
        help="with --synebench-compare: add runs to those that a red gate has seen of this change, "
        "and judge by all of them; at most twice",
    )
    parser.addini("synebench_params", "parameters of this repository: KEY=VALUE", type="linelist")
    parser.addini(
        "synebench_heartbeat",
        "seconds between progress lines where the output is no terminal; 0: none",
        default="60",
    )


def is_node_id(args: Sequence[str], at: int) -> bool:
    """Whether an argument is a node id of ours to run, and not the value of ``--deselect``."""
    return args[at].startswith("synebench::") and not (at and args[at - 1] == "--deselect")
