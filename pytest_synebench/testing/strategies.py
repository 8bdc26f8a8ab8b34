"""Hypothesis strategies for what a tuner meets: losses, seeds."""

from __future__ import annotations

import math

from hypothesis import strategies as st

#: Few values, so that equal ones are common; whatever a script may send, too.
LOSSES = st.one_of(
    st.integers(0, 5).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.floats(),
)
SEEDS = st.integers(0, 2**32 - 1)
