"""For implementers: conformance suites to subclass, and Hypothesis strategies."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__name__}.backend_suite", f"{__name__}.plays")
