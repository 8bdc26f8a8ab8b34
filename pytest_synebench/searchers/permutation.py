"""A shuffled order of 0 … size - 1 whose places are computed, not stored.

Invariants (tests/searchers/test_permutation.py holds each one):
- every number below ``size`` comes at exactly one place, whatever the size and the key;
- a place costs the same whether the size is ten or 10**15.

Source: a generalised Feistel network with cycle walking; Black and Rogaway, "Ciphers with
arbitrary finite domains", CT-RSA 2002, section 5.
"""

from __future__ import annotations

import math
from hashlib import blake2b

_ROUNDS = 6


def shuffled(index: int, size: int, *key: object) -> int:
    """Return the number at a place of the keyed order.

    Args:
        index: the place, 0 <= index < size.
        size: how many numbers are in order, >= 1.
        key: what the order depends on, by ``repr``.

    >>> sorted(shuffled(i, 5, "seed", 0) for i in range(5))
    [0, 1, 2, 3, 4]
    """
    side = math.isqrt(size - 1) + 1
    while True:
        index = _exchange(index, side, key)
        # The network orders side * side numbers: walk on from those that are too large.
        if index < size:
            return index


def _exchange(index: int, side: int, key: tuple[object, ...]) -> int:
    left, right = divmod(index, side)
    for turn in range(_ROUNDS):
        digest = blake2b(repr((*key, turn, right)).encode(), digest_size=16).digest()
        left, right = right, (left + int.from_bytes(digest, "big")) % side
    return left * side + right
