"""What a forgotten value is, in words, and how it is saved.

Invariants (tests/experiment/resuming/test_words.py):
- each kind of value that a script may forget has words of its own;
- an object that can say what it is is believed before its name is.
"""

from __future__ import annotations

import re

from pytest_synebench.experiment.resuming.evidence import Suspect

_BY_KIND = {
    "optimizer": "the optimiser's state (momentum, moments): put it into state_dict_objects",
    "schedule": "the learning-rate schedule: put the scheduler into state_dict_objects",
    "scaler": "the gradient scaler: put it into state_dict_objects",
    "sampler": "the sampler, and so the order of the data: save where it stands",
}
_GENERATORS = (
    (r"drop", "the generator that dropout draws from"),
    (r"order|shuffl|sampl|data|load|batch", "the generator that orders the data"),
    (r"", "a generator of random numbers of the script's own"),
)
#: The last word of a name is asked first, then those above it.
_BY_NAME = (
    (r"patien|bad_|no_improve|since_|stall|stale|strike|early", "the early-stopping counter"),
    (r"best|incumbent", "the best value so far"),
    (r"(^|_)(ema|avg|averaged?|shadow|swa|polyak)", "the moving average (EMA) of the weights"),
    (r"accum|pending", "the gradient accumulator"),
    (r"scale", "the gradient scaler"),
    (r"optim|moment|veloc|adam|sgd|rmsprop|push|(^|_)[mv]$", "the optimiser's state"),
    (r"(^|_)lr|learning_rate|sched|anneal|warm_?up|decay", "the learning-rate schedule"),
    (r"order|perm|shuffl|indices|sampler|cursor|batches|queue", "the order of the data"),
    (r"epoch|step|iter|count|tick|seen", "a counter"),
    (r"weight|model|param|net$|bias|coef", "the model's weights"),
)


def what_it_is(suspect: Suspect) -> str:
    """Return what a value is, and how it is saved.

    >>> what_it_is(Suspect(scope="", path="state['bad_epochs']", kind="int", was="2", now="0"))
    'the early-stopping counter'
    """
    if suspect.kind in _BY_KIND:
        return _BY_KIND[suspect.kind]
    names = [name for name in re.split(r"[^\w]+", suspect.path.lower()) if name][::-1]
    if suspect.kind == "generator":
        text = next(text for pattern, text in _GENERATORS if _found(pattern, names))
        return f"{text}, which is not among the global ones that are saved for you: {_SAVE_IT}"
    for name in names:
        for pattern, text in _BY_NAME:
            if re.search(pattern, name):
                return text
    return "a value that training changes"


def _found(pattern: str, names: list[str]) -> bool:
    return any(re.search(pattern, name) for name in names)


_SAVE_IT = "save what getstate(), get_state() or bit_generator.state returns"
