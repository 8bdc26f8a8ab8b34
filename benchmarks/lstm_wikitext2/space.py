"""What train.py can be given: the hyperparameters to tune, and the constants with their defaults.

Imported by the definition and by the training script, so it must not import torch.

Invariants (tests/benchmarks/ holds each one):
- importing it loads no torch;
- the script's arguments are exactly the keys of the space and of ``CONSTANTS``;
- the whole of WikiText-2 with the LSTM has the original's space, bound for bound;
- a corpus that is cut short keeps enough updates per epoch: ``batch_size`` stays below 33;
- the transformer has its own range of ``lr``.

Source: the space of the original benchmark (PyTorch's word language model, tuned by Syne Tune).
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_synebench.space import Domain, loguniform, randint, uniform

MODELS = ("lstm", "transformer")

ORIGINAL: dict[str, Domain] = {
    "lr": loguniform(1, 50),
    "dropout": uniform(0, 0.99),
    "batch_size": randint(8, 256),
    "clip": uniform(0.1, 2),
    "lr_factor": loguniform(1, 100),
}

#: Arguments that are not tuned; sizes at which an epoch costs about one CPU second.
CONSTANTS: dict[str, bool | int | str] = {
    "epochs": 9,
    "dataset_path": "",  # folder of the real WikiText-2; "" trains on the embedded corpus
    "report_current_best": False,  # report the best epoch so far instead of the last one
    "model": "lstm",
    "emsize": 64,  # width of the embedding; the LSTM needs nhid to be equal, to tie the weights
    "nhid": 64,  # LSTM: width of the state; transformer: width of the feed-forward layer
    "nlayers": 1,
    "nhead": 2,  # attention heads; the LSTM has none
    "bptt": 35,  # tokens per backward pass
    "vocab_size": 1000,  # the most frequent words; 0: every word of train and valid
    "train_tokens": 40_000,  # the first so many; 0: all of them
    "valid_tokens": 5_000,
}


def space(params: Mapping[str, object]) -> dict[str, Domain]:
    """Return the domains to tune: the original's, narrowed only where it would not work.

    Args:
        params: read for ``model`` and ``train_tokens``.
    """
    domains = dict(ORIGINAL)
    if params["train_tokens"]:
        # 40,000 tokens in batches of 256 by 35 are four updates an epoch: nothing is learnt.
        domains["batch_size"] = randint(8, 32)
    if params["model"] == "transformer":
        # Plain SGD makes it diverge from lr * clip of about 4 on; the original starts at 7.
        domains["lr"] = loguniform(0.05, 5)
    return domains
