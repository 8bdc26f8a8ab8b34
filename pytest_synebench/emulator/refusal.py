"""An answer that is an error, as the service words it."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of this program
    """Raised by an operation; the door sends it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> Refusal:
    """Return a ValidationException."""
    return Refusal("ValidationException", message)
