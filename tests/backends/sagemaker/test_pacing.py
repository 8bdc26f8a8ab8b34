"""How often is asked again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.sagemaker.pacing import Pace


@given(st.floats(0.01, 10), st.floats(10, 100), st.lists(st.booleans(), max_size=40))
def test_waits_stay_between_their_bounds(
    shortest_s: float, longest_s: float, told: list[bool]
) -> None:
    pace = Pace(shortest_s, longest_s)
    before_s = pace.wait_s
    for news in told:
        wait_s = pace.told(news=news)
        assert shortest_s <= wait_s <= longest_s
        assert wait_s == shortest_s if news else wait_s >= before_s
        before_s = wait_s


def test_without_news_waits_reach_the_longest() -> None:
    pace = Pace(1.0, 15.0)
    assert [pace.told(news=False) for _ in range(8)][-1] == 15.0
    assert pace.told(news=True) == 1.0
