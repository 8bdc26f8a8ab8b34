"""What train.py can be given: the hyperparameters to tune, and the constants with their defaults.

Imported by the definition and by the training script, so it must load in milliseconds.

Invariants (tests/benchmarks/test_height_with_cost.py holds each one):
- importing it loads the standard library and the job side only;
- the script's arguments are exactly the keys of the space and of ``CONSTANTS``.

Source: the example of Syne Tune that goes by this name.
"""

from __future__ import annotations

from pytest_synebench.space import Domain, randint

SPACE: dict[str, Domain] = {"width": randint(0, 20), "height": randint(-100, 100)}

#: Arguments that are not tuned.
CONSTANTS: dict[str, bool | int] = {
    "epochs": 100,
    "dont_sleep": True,  # False: an epoch takes the seconds that it is said to cost
}
