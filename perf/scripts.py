"""The training script that every system runs, in the way each of them wants its reports.

The body is one; a dialect says how a report is sent, and how the state of a resumed trial is kept.
``torch`` is imported, where it is, by the first line, as a training script does.

Ray runs a function instead of a script: ``peers/ray_tune.py`` has the same body as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_BODY = """\
{first}import argparse
import os
import time
{imports}
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, default=0.0)
parser.add_argument("--epochs", type=int)
parser.add_argument("--epoch_s", type=float, default=0.0)
parser.add_argument("--megabytes", type=int, default=0)
{arguments}args = parser.parse_args()
payload = bytes(args.megabytes * 1_000_000)

{before}
for epoch in range(start + 1, args.epochs + 1):
    if args.epoch_s:
        time.sleep(args.epoch_s)
    metrics = {{"epoch": epoch, "loss": args.x + 1 / epoch}}
{loop}"""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a system wants it."""

    imports: str = ""
    arguments: str = ""
    before: str = "start = 0"
    loop: str


_SYNE_ARGUMENTS = 'parser.add_argument("--st_checkpoint_dir")\n'
_SYNE_BEFORE = '''\
state = os.path.join(args.st_checkpoint_dir or ".", "state")


def load():
    """Return the level that was saved."""
    if not args.megabytes or not os.path.exists(state):
        return 0
    with open(state, "rb") as file:
        return int.from_bytes(file.read(8), "big")


def save(epoch):
    os.makedirs(args.st_checkpoint_dir, exist_ok=True)
    with open(state, "wb") as file:
        file.write(epoch.to_bytes(8, "big") + payload)


start = load()'''
_SYNE_LOOP = """\
    if args.megabytes and epoch == args.epochs:
        save(epoch)
    {report}
"""

DIALECTS = {
    "synebench": Dialect(
        imports="\nfrom pytest_synebench.training import (\n    Reporter,\n"
        "    add_checkpointing_to_argparse,\n    checkpoint_model_at_rung_level,\n"
        "    resume_from_checkpointed_model,\n)\n",
        arguments="add_checkpointing_to_argparse(parser)\n",
        before='''\
def load(folder):
    """Return the level that was saved."""
    with open(os.path.join(folder, "state"), "rb") as file:
        return int.from_bytes(file.read(8), "big")


def save(folder, epoch):
    with open(os.path.join(folder, "state"), "wb") as file:
        file.write(epoch.to_bytes(8, "big") + payload)


report = Reporter()
start = resume_from_checkpointed_model(vars(args), load) if args.megabytes else 0''',
        loop="""\
    if args.megabytes:
        checkpoint_model_at_rung_level(vars(args), save, epoch)
    report(**metrics, at=time.monotonic())
""",
    ),
    # What Syne Tune's Reporter prints, without its import: the cheapest script it can have.
    "syne_tune_raw": Dialect(
        imports="import json\n",
        arguments=_SYNE_ARGUMENTS,
        before=_SYNE_BEFORE + "\nbegan = time.perf_counter()",
        loop=_SYNE_LOOP.format(
            report="""sent = {
        **metrics,
        "at": time.monotonic(),
        "st_worker_timestamp": time.time(),
        "st_worker_time": time.perf_counter() - began,
        "st_worker_iter": epoch - start - 1,
    }
    print("[tune-metric]: " + json.dumps(sent) + "\\n", end="", flush=True)"""
        ),
    ),
    "syne_tune_reporter": Dialect(
        imports="\nfrom syne_tune import Reporter\n",
        arguments=_SYNE_ARGUMENTS,
        before=_SYNE_BEFORE + "\nreport = Reporter()",
        loop=_SYNE_LOOP.format(report="report(**metrics, at=time.monotonic())"),
    ),
    "json_lines": Dialect(
        imports="import json\n",
        loop='    print(json.dumps({**metrics, "at": time.monotonic()}), flush=True)\n',
    ),
}


def write(folder: Path, dialect: str, *, torch: bool) -> Path:
    """Write the script of a dialect and return its path."""
    spoken = DIALECTS[dialect]
    text = _BODY.format(
        first="import torch\n" if torch else "",
        imports=spoken.imports,
        arguments=spoken.arguments,
        before=spoken.before,
        loop=spoken.loop,
    )
    path = folder / f"train_{dialect}{'_torch' if torch else ''}.py"
    path.write_text(text)
    return path
