"""Train a language model and report every epoch: the script behind lstm_wikitext2.

Runs by hand as well, with what it is given as arguments and nothing else::

    python train.py --lr 10 --dropout 0.2 --batch_size 16 --clip 0.5 --lr_factor 4 --epochs 2

Plain SGD on clipped gradients; the learning rate is divided by ``lr_factor`` after every epoch
that does not improve the validation loss. The metric is ``objective`` = -exp(validation loss),
the negated perplexity; ``train_loss`` and ``val_loss`` are reported beside it.

Invariants (tests/benchmarks/test_lstm_wikitext2_script.py holds each one):
- a resumed run equals an uninterrupted one bit for bit (on the CPU, at one number of threads);
- learning rate and best loss are part of the checkpoint;
- the arguments are the keys of the space, of ``CONSTANTS``, and the checkpoint helper's.

Source: the word language model of PyTorch's examples, as the original benchmark trains it.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from typing import Any

try:
    import torch
except ModuleNotFoundError:
    raise SystemExit(
        "lstm_wikitext2 needs torch, which is not installed: pip install 'pytest-synebench[torch]'"
    ) from None
from corpus import read_corpus  # type: ignore[import-not-found]  # stands beside this file
from space import CONSTANTS, ORIGINAL  # type: ignore[import-not-found]  # stands beside this file
from torch import Tensor, nn
from torch.nn import functional

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    add_to_argparse,
    checkpoint_model_at_rung_level,
    parse_bool,
    pytorch_load_save_functions,
    resume_from_checkpointed_model,
)

EVAL_BATCH_SIZE = 10
Hidden = tuple[Tensor, ...] | None


class LanguageModel(nn.Module):
    """Embedding and decoder with one weight matrix; ``_body`` between them is the subclass's."""

    def __init__(self, words: int, config: dict[str, Any]) -> None:
        super().__init__()
        self.drop = nn.Dropout(config["dropout"])
        self.encoder = nn.Embedding(words, config["emsize"])
        self.decoder = nn.Linear(config["emsize"], words)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def _body(self, embedded: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        raise NotImplementedError

    def forward(self, tokens: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        """Return the logits of the next tokens, one row each, and the state to go on from."""
        output, hidden = self._body(self.encoder(tokens), hidden)
        return self.decoder(output).flatten(0, 1), hidden


class LSTMModel(LanguageModel):
    """The model of the original."""

    def __init__(self, words: int, config: dict[str, Any]) -> None:
        super().__init__(words, config)
        nlayers = config["nlayers"]
        between = config["dropout"] if nlayers > 1 else 0.0
        self.rnn = nn.LSTM(config["emsize"], config["nhid"], nlayers, dropout=between)

    def _body(self, embedded: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        output, hidden = self.rnn(self.drop(embedded), hidden)
        return self.drop(output), hidden


class TransformerModel(LanguageModel):
    """Encoder layers under a causal mask, sinusoidal positions."""

    def __init__(self, words: int, config: dict[str, Any]) -> None:
        super().__init__(words, config)
        emsize = config["emsize"]
        layer = nn.TransformerEncoderLayer(
            emsize, config["nhead"], config["nhid"], config["dropout"]
        )
        self.layers = nn.TransformerEncoder(layer, config["nlayers"], enable_nested_tensor=False)
        steps = torch.arange(config["bptt"]).unsqueeze(1)
        angles = steps * torch.exp(torch.arange(0, emsize, 2) * (-math.log(10000.0) / emsize))
        positions = torch.stack([angles.sin(), angles.cos()], dim=-1).view(-1, 1, emsize)
        self.register_buffer("positions", positions, persistent=False)

    def _body(self, embedded: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        length, _, emsize = embedded.shape
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=embedded.device)
        placed = embedded * math.sqrt(emsize) + self.get_buffer("positions")[:length]
        return self.layers(self.drop(placed), mask, is_causal=True), hidden


def batchify(ids: list[int], batch_size: int, device: torch.device) -> Tensor:
    """Return the text as ``batch_size`` columns, each a stretch of it."""
    length = len(ids) // batch_size
    columns = torch.tensor(ids[: length * batch_size]).view(batch_size, length)
    return columns.t().contiguous().to(device)


def losses(model: LanguageModel, data: Tensor, bptt: int) -> Any:
    """Yield mean loss and length of every stretch of ``bptt`` tokens, in order."""
    hidden: Hidden = None
    for start in range(0, len(data) - 1, bptt):
        end = min(start + bptt, len(data) - 1)
        if hidden is not None:
            hidden = tuple(part.detach() for part in hidden)
        logits, hidden = model(data[start:end], hidden)
        target = data[start + 1 : end + 1].reshape(-1)
        yield functional.cross_entropy(logits, target), end - start


def train(model: LanguageModel, data: Tensor, lr: float, config: dict[str, Any]) -> float:
    """Train for one epoch; return the mean loss per token, of the model as it was at each."""
    model.train()
    total = 0.0
    for loss, length in losses(model, data, config["bptt"]):
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config["clip"])
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-lr)
        total += loss.item() * length
    return total / (len(data) - 1)


@torch.no_grad()
def evaluate(model: LanguageModel, data: Tensor, bptt: int) -> float:
    """Return the mean loss per token, within the bounds of the original; NaN stays NaN."""
    model.eval()
    total = sum(loss.item() * length for loss, length in losses(model, data, bptt))
    return float(min(max(total / (len(data) - 1), 1e-10), 10.0))


def note_epoch(state: dict[str, Any], val_loss: float, lr_factor: float) -> None:
    """Keep the best loss; anneal the learning rate if this epoch did not improve it."""
    if state["best_val_loss"] is None or val_loss < state["best_val_loss"]:
        state["best_val_loss"] = val_loss
    else:
        state["lr"] /= lr_factor


def objective(config: dict[str, Any]) -> None:
    """Train as the config says, from the checkpoint if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = {name: config[name] for name in ("vocab_size", "train_tokens", "valid_tokens")}
    corpus = read_corpus(config["dataset_path"], **sizes)
    train_data = batchify(corpus.train, config["batch_size"], device)
    val_data = batchify(corpus.valid, EVAL_BATCH_SIZE, device)
    kind = {"lstm": LSTMModel, "transformer": TransformerModel}[config["model"]]
    model = kind(len(corpus.words), config).to(device)

    # lr and best_val_loss are part of what a checkpoint holds; in a dict, so that loading can
    # change them.
    mutable_state = {"lr": config["lr"], "best_val_loss": None}
    load_model_fn, save_model_fn = pytorch_load_save_functions({"model": model}, mutable_state)
    resume_from = resume_from_checkpointed_model(config, load_model_fn)

    report = Reporter()
    start = time.perf_counter()
    for epoch in range(resume_from + 1, config["epochs"] + 1):
        lr = mutable_state["lr"]
        train_loss = train(model, train_data, lr, config)
        val_loss = evaluate(model, val_data, config["bptt"])
        note_epoch(mutable_state, val_loss, config["lr_factor"])
        print(f"epoch {epoch} lr {lr!r} val_loss {val_loss!r}", flush=True)

        checkpoint_model_at_rung_level(config, save_model_fn, epoch)
        loss = mutable_state["best_val_loss"] if config["report_current_best"] else val_loss
        report(
            epoch=epoch,
            objective=-math.exp(loss),
            train_loss=train_loss,
            val_loss=val_loss,
            elapsed_time=time.perf_counter() - start,
        )


def parser() -> argparse.ArgumentParser:
    """Return the parser: one argument per hyperparameter and constant."""
    arguments = argparse.ArgumentParser(description="Train a language model on WikiText-2.")
    add_to_argparse(arguments, ORIGINAL)
    for name, default in CONSTANTS.items():
        kind = parse_bool if isinstance(default, bool) else type(default)
        arguments.add_argument(f"--{name}", type=kind, default=default)
    add_checkpointing_to_argparse(arguments)
    return arguments


if __name__ == "__main__":
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # trials run side by side: two threads each would only wait
    if "SYNEBENCH_ATTEMPT" not in os.environ:
        torch.manual_seed(0)  # by hand; a trial comes with a seed of its own
    args, _ = parser().parse_known_args()
    objective(vars(args))
