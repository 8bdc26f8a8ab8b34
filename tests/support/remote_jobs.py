"""Orders of a job, a script that trains, and what came out of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_synebench.channel import Message
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.orders import Orders

PREFIX = "hpo/toy/r0/"
SCRIPT = """\
import argparse, json, os, signal
from pytest_synebench.training import (
    Reporter, add_checkpointing_to_argparse, checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=9)
parser.add_argument("--mode", default="")
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
config = vars(args)


def load(path):
    with open(os.path.join(path, "state.json")) as file:
        return json.load(file)["epoch"]


def save(path, epoch):
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump({"epoch": epoch}, file)


report = Reporter()
start = resume_from_checkpointed_model(config, load)
for epoch in range(start + 1, args.epochs + 1):
    checkpoint_model_at_rung_level(config, save, epoch)
    report(epoch=epoch, loss=1 / epoch)
    if args.mode == f"die at {epoch}":
        os.kill(os.getpid(), signal.SIGKILL)
    if args.mode == f"fail at {epoch}":
        raise RuntimeError("no such layer")
    if args.mode == f"wait at {epoch}":
        signal.pause()
"""


def orders(**changes: Any) -> Orders:
    """Return orders of trial 1, attempt 0: nine levels, a checkpoint of each."""
    told: dict[str, Any] = {
        "prefix": PREFIX,
        "trial": 1,
        "attempt": 0,
        "seed": 7,
        "resource_attr": "epoch",
        "until": None,
        "known": [],
        "checkpoint_at": [],
        "config": {"epochs": 9},
        "arguments": ["--epochs", "9"],
    }
    return Orders(**(told | changes))


def put_orders(client: Any, bucket: str, told: Orders) -> str:
    """Write orders where a job finds them; return their URL."""
    key = f"{letters.job(told.prefix, told.trial, told.attempt)}orders.json"
    client.put_object(Bucket=bucket, Key=key, Body=told.to_json())
    return f"s3://{bucket}/{key}"


def write_script(folder: Path) -> Path:
    """Write the script that trains."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.py"
    path.write_text(SCRIPT)
    return path


def arrived(client: Any, bucket: str, told: Orders) -> list[Message]:
    """Return all that a job has said, in order; letters of each life are numbered without a gap."""
    prefix = letters.of_attempt(told.prefix, told.trial, told.attempt)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))
    found = [letter for key in keys if (letter := letters.of_key(told.prefix, key))]
    for life in {letter.life for letter in found}:
        numbers = [letter.number for letter in found if letter.life == life]
        assert numbers == list(range(len(numbers)))
    return [
        message
        for key in keys
        for message in letters.read(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    ]


def levels(messages: list[Message]) -> list[int]:
    """Return the levels of the reports among messages."""
    return [m.fields["metrics"]["epoch"] for m in messages if m.kind == "report"]


def fields(messages: list[Message], kind: str) -> list[Any]:
    """Return the fields of the messages of a kind."""
    return [message.fields for message in messages if message.kind == kind]
