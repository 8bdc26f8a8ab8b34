"""Chance that is keyed: the same key gives the same draws, on every machine and in every process.

There is no generator state to keep or to restore: whoever needs chance names what for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random


def keyed_random(*key: object) -> Random:
    """Return a generator that depends on the key alone, e.g. ``(seed, "random", number)``.

    The key counts by its ``repr``: give plain ints, floats and strings.

    >>> keyed_random(0, "random", 3).random() == keyed_random(0, "random", 3).random()
    True
    """
    # Here, since importing random (and hashlib) costs what a trial may spend.
    from hashlib import sha256
    from random import Random

    digest = sha256("\x1f".join(map(repr, key)).encode()).digest()
    return Random(int.from_bytes(digest, "big"))
