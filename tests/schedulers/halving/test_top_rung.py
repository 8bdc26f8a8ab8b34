from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.halving.ranking import agrees, noise
from pytest_synebench.schedulers.halving.top_rung import TopRung

LOSSES = st.sampled_from([0.1, 0.2, 0.3, float("inf"), 1e308, -1e308]) | st.floats(-1, 1)
CURVES = st.dictionaries(st.integers(1, 6) | st.just(10**9), LOSSES, min_size=1)


@given(curves=st.lists(CURVES, min_size=1, max_size=20))
def test_noise_is_what_it_is_trial_by_trial(curves: list[dict[int, float]]) -> None:
    top = TopRung()
    for number, curve in enumerate(curves):
        pairs = [noise(curve, other) for other in curves[:number]]
        assert top.add(curve) == [distance for distance in pairs if distance is not None]


@given(
    trials=st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=12),
    epsilon=st.sampled_from([0.0, 0.1, 1.0, float("inf")]),
    data=st.data(),
)
def test_rankings_agree_whatever_the_order_of_arrival(
    trials: list[tuple[float, float]], epsilon: float, data: st.DataObject
) -> None:
    top, came = TopRung(), list[int]()
    for place in data.draw(st.permutations(range(len(trials)))):
        below, loss = trials[place]
        top.rank((below, place), loss)
        came = sorted([*came, place])
        lower, upper = zip(*(trials[one] for one in came), strict=True)
        assert list(top.losses_below) == sorted(lower)
        assert top.agrees(epsilon) is agrees(lower, upper, epsilon)
