from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lease_holders import Controller


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Callable[[], Controller]]:
    with ExitStack() as stack:

        def make() -> Controller:
            made = Controller(tmp_path)
            stack.callback(made.kill)
            return made

        yield make
