"""The formula of height_with_cost: used by the training script, and where it is simulated.

Invariants (tests/benchmarks/test_height_with_cost.py holds each one):
- a simulated trial reports what the script reports, bit for bit.

Source: the example of Syne Tune that goes by this name.
"""

from __future__ import annotations

import math


def mean_loss(width: int, height: int, epoch: int) -> float:
    """Return the loss after so many epochs: it falls the faster, the larger ``width`` is."""
    return 1 / (0.1 + width * epoch / 100) + 0.1 * height


def epoch_cost(width: int, height: int) -> float:
    """Return what an epoch costs, in seconds: 0.05 to 0.15."""
    return 0.1 + 0.05 * math.sin(width * height)
