"""How fast reports of one attempt are taken in: a token bucket.

A script that reports in a tight loop would keep the controller from everybody else. So its
channel is left unread for a while: the pipe fills up, and the script waits in its next ``report``.
Nothing is lost. What has been read counts, however much came at once; the bucket may fall into
debt, and what is said is how long it takes to pay that.

Invariants (tests/backends/local/test_throttle.py holds each one):
- over any stretch of time, whoever waits as told takes at most the burst, the rate times that
  time, and one reading more;
- nobody waits longer than what was taken takes at the rate;
- time that stands still or jumps back gives nothing and takes nothing.

Source: the leaky bucket as a meter, Turner, IEEE Communications Magazine 24(10), 1986.
"""

from __future__ import annotations

_INSTANT_S = 1e-6  # less than this a clock cannot be asked to wait


class Throttle:
    """Says when the next reports may be read."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        """Begin with a full bucket.

        Args:
            rate_per_s: reports per second that are taken in for ever, > 0.
            burst: reports that are taken in at once after a pause, >= 0.
        """
        self._rate = rate_per_s
        self._burst = burst
        self._left = float(burst)  # reports that may be taken now; below 0: debt
        self._at_s: float | None = None

    def take(self, count: int, now_s: float) -> float:
        """Note that ``count`` reports were read; return seconds until the next may be (0.0: now).

        Args:
            count: reports that were just read; 0 asks only.
            now_s: the time, in seconds, on a clock of the caller's choosing.

        >>> throttle = Throttle(rate_per_s=100, burst=50)
        >>> throttle.take(50, now_s=0.0), throttle.take(25, now_s=0.0), throttle.take(0, now_s=0.3)
        (0.0, 0.25, 0.0)
        """
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._left = min(self._burst, self._left + passed_s * self._rate) - count
        wait_s = -self._left / self._rate
        return wait_s if wait_s > _INSTANT_S else 0.0
