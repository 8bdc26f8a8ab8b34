"""How a process ended, in words for people."""

from __future__ import annotations

import signal

_MOST_LINES = 20


def exit_words(code: int | None) -> str:
    """Return an exit status in words; None: nobody knows it.

    >>> exit_words(1), exit_words(-9)
    ('exit code 1', 'signal 9 (SIGKILL)')
    """
    if code is None:
        return "exit status unknown: another part of this program waited for the process"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def last_lines(data: bytes) -> str:
    r"""Return the last lines of an output, fit for a terminal.

    >>> last_lines(b"10%\r20%\n\x1b[2Jgone\xff\n")
    '10%\n20%\n?[2Jgone\ufffd'
    """
    lines = data.decode(errors="replace").splitlines()[-_MOST_LINES:]
    return "\n".join(_printable(line) for line in lines).strip("\n")


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in line)
