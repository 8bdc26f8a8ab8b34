"""The benchmark ``lstm_wikitext2``: a language model on English text, tuned for perplexity.

Variants ``lstm`` and ``transformer`` run by default, ``tiny`` and ``full`` on request.

Invariants (tests/benchmarks/test_lstm_wikitext2.py holds each one):
- importing it loads no torch and runs no training;
- every variant builds from its own defaults (``full`` also needs ``dataset_path``);
- what cannot be trained is refused here, before any trial starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench import Benchmark, BenchmarkError, benchmark, variant

from .corpus import describe
from .space import CONSTANTS, MODELS, space

_SIZES = {name: CONSTANTS[name] for name in CONSTANTS if name != "epochs"}


@benchmark(  # type: ignore[untyped-decorator] # pytest's fixtures have no public type
    default_params=dict(
        max_resource_level=9,
        grace_period=1,
        reduction_factor=3,
        scheduler="asha_promotion",
        num_trials=9,
        num_workers=2,
        instance_type="ml.c5.xlarge",
        framework="PyTorch",
        framework_version="2.6",
        real_data_only=False,
        **_SIZES,
    ),
    variants=[
        variant("lstm"),
        variant("transformer", model="transformer"),
        variant(
            "tiny",
            on_request=True,
            max_resource_level=4,
            reduction_factor=2,
            num_trials=4,
            emsize=16,
            nhid=16,
            vocab_size=200,
            train_tokens=6_000,
            valid_tokens=1_500,
        ),
        variant(
            "full",
            on_request=True,
            max_resource_level=81,
            instance_type="ml.g4dn.xlarge",
            real_data_only=True,
            emsize=200,
            nhid=200,
            nlayers=2,
            vocab_size=0,
            train_tokens=0,
            valid_tokens=0,
        ),
    ],
)
def lstm_wikitext2(params: Mapping[str, Any]) -> Benchmark:
    """Language model (LSTM or transformer) on English text; maximises -perplexity."""
    _check_data(params)
    _check_model(params)
    constants = {name: params[name] for name in _SIZES}
    if params["dataset_path"]:
        # A resumed session may be started elsewhere, where a relative path means another place.
        constants["dataset_path"] = str(Path(params["dataset_path"]).expanduser().resolve())
    try:
        dataset = describe(constants["dataset_path"])
    except OSError as error:
        raise BenchmarkError(str(error)) from None
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={**space(params), **constants, "epochs": params["max_resource_level"]},
        metric="objective",
        mode="max",
        resource_attr="epoch",
        max_resource_attr="epochs",
        elapsed_time_attr="elapsed_time",
        dataset=dataset,
    )


def _check_data(params: Mapping[str, Any]) -> None:
    if params["real_data_only"] and not params["dataset_path"]:
        raise BenchmarkError(
            "dataset_path is '', and this variant trains on the real WikiText-2 only; pass "
            "--dataset_path DIR, a folder with wiki.train.tokens and wiki.valid.tokens"
        )
    for name, least in (("vocab_size", 2), ("train_tokens", 500), ("valid_tokens", 100)):
        if params[name] != 0 and params[name] < least:
            raise BenchmarkError(
                f"{name} is {params[name]!r}; it must be at least {least}, or 0 for all there is"
            )


def _check_model(params: Mapping[str, Any]) -> None:
    model, emsize, nhid, nhead = (params[n] for n in ("model", "emsize", "nhid", "nhead"))
    if model not in MODELS:
        raise BenchmarkError(f"model is {model!r}; it must be {' or '.join(map(repr, MODELS))}")
    for name in ("emsize", "nhid", "nlayers", "nhead", "bptt"):
        if params[name] < 1:
            raise BenchmarkError(f"{name} is {params[name]!r}; it must be at least 1")
    if model == "lstm" and emsize != nhid:
        raise BenchmarkError(
            f"nhid is {nhid} and emsize is {emsize}; the LSTM ties its weights, so they must be "
            "equal: set both"
        )
    if model == "transformer" and (emsize % nhead or emsize % 2):
        raise BenchmarkError(
            f"emsize is {emsize} and nhead is {nhead}; the transformer needs an even emsize that "
            "nhead divides"
        )
