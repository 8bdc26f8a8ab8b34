from __future__ import annotations

import pytest

from pytest_synebench.backends.local.attempt import LocalAttempt


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of attempts, as they are told."""
    out: list[int] = []
    begun = LocalAttempt.begun

    def recorded(attempt: LocalAttempt, pid: int) -> None:
        out.append(pid)
        begun(attempt, pid)

    monkeypatch.setattr(LocalAttempt, "begun", recorded)
    return out
