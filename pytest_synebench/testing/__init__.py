"""For implementers: conformance suites to subclass, and Hypothesis strategies."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    f"{__name__}.backend_suite",
    f"{__name__}.checkpoint_collection_suite",
    f"{__name__}.checkpoint_store_suite",
    f"{__name__}.plays",
    f"{__name__}.resume_suite",
    f"{__name__}.game",
    f"{__name__}.halving",
    f"{__name__}.scheduler_suite",
    f"{__name__}.searcher_suite",
    f"{__name__}.tuner_machine",
)
