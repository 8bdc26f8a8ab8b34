"""What a training script imports: reports, arguments, checkpoints.

Works inside a trial and by hand (``python train.py --lr 10``). Names are loaded on first use, so
that a script pays only for what it calls.

Invariants (tests/training/test_names.py holds each one):
- importing every name loads the standard library and this package only, and neither of
  ``dataclasses``, ``typing``, ``pathlib``, ``json``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_synebench.training.arguments import add_to_argparse, parse_bool
    from pytest_synebench.training.checkpointing import (
        add_checkpointing_to_argparse,
        checkpoint_model_at_rung_level,
        resume_from_checkpointed_model,
    )
    from pytest_synebench.training.reporter import Reporter
    from pytest_synebench.training.torch_state import pytorch_load_save_functions

__all__ = [
    "Reporter",
    "add_checkpointing_to_argparse",
    "add_to_argparse",
    "checkpoint_model_at_rung_level",
    "parse_bool",
    "pytorch_load_save_functions",
    "resume_from_checkpointed_model",
]

_HOMES = {
    "Reporter": "reporter",
    "add_to_argparse": "arguments",
    "parse_bool": "arguments",
    "pytorch_load_save_functions": "torch_state",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sys

    home = f"{__name__}.{_HOMES.get(name, 'checkpointing')}"
    __import__(home)  # importlib costs more than what it would load
    value = getattr(sys.modules[home], name)
    globals()[name] = value
    return value
