"""The searcher that asks a process of the user's: ``--searcher external --searcher_command '…'``.

The points to evaluate come first, as with every searcher; the process is started for the first
config that is none of them. It is told the space, then all that the history holds, and asked. What
it answers stands in the journal, so a replay asks nothing; a run that goes on starts the process
anew and tells it all again.

Invariants (tests/experiment/external/test_searcher.py holds each one):
- a command that is missing, or cannot be found, is refused before anything starts;
- each number is asked once for a history, and what the process answers lies in the space;
- an error names the command, and what to do;
- while answers are recalled from a journal, no process is asked.
"""

from __future__ import annotations

import shlex
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pytest_synebench.errors import SearcherError, UsageError
from pytest_synebench.events import Start
from pytest_synebench.experiment.external import lines
from pytest_synebench.experiment.external.process import Command, Process
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.searchers.catalog import EXTERNAL
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config, TrialId

LOG = "searcher.log"  #: in the directory of a run


class ExternalSearcher:
    """Asks a process; see the module.

    Args:
        plan: what is run; its searcher is ``external``.
        space: where configs come from.
        points: whole configs to suggest first, all different.

    Raises:
        UsageError: there is no such command.
    """

    def __init__(self, plan: Plan, space: ConfigSpace, points: tuple[Config, ...]) -> None:
        line = command_line(plan.params["searcher_command"])
        self._plan = plan
        self._space = space
        self._points = points
        self._patience_s = float(plan.params["searcher_timeout"])
        self._command = Command(
            line=line, owner=uuid.uuid4().hex, log_cap_bytes=plan.params["log_cap_mb"] * 2**20
        )
        self._process: Process | None = None
        self._news = lines.News(plan.definition.mode)
        self._history: History | None = None  #: that the process was told of
        self._last: tuple[tuple[int, int, int], Config | None] | None = None
        self._recalled: Mapping[TrialId, Config] | None = None

    def place(self, directory: Path, working_directory: Path | None) -> None:
        """Say whose it is: the directory of its run, and that in which the command runs."""
        self._command = replace(
            self._command,
            owner=str(directory),
            directory=working_directory,
            log=directory / LOG,
        )

    def suggest(self, history: History, number: int) -> Config | None:
        """Return config ``number``, or None: the process has no more.

        Raises:
            SearcherError: it cannot be started, does not answer in time, has ended, or what it
                answers is no config of the space.
        """
        if number < len(self._points):
            return self._points[number]
        if self._recalled is not None:
            return self._recalled.get(TrialId(number))
        at = (number, len(history.configs), len(history.reports))
        if self._last is None or self._last[0] != at or history is not self._history:
            try:
                self._last = (at, self._ask(history, number))
            except SearcherError as error:
                raise SearcherError(self._told(error)) from error
        return self._last[1]

    def _ask(self, history: History, number: int) -> Config | None:
        if history is not self._history:
            self.close()
        first = [] if self._process else [lines.hello(self._plan, self._space)]
        if self._process is None:
            self._process, self._history = Process(self._command), history
            self._news = lines.News(self._plan.definition.mode)
        said = [*first, *self._news.lines(history), lines.ask(number)]
        answer = self._process.ask(said, self._patience_s)
        return lines.answered(answer, number, self._space)

    def recall(self, answers: Mapping[TrialId, Config] | None) -> None:
        """Answer from these, and ask nobody, from now on; None: ask again."""
        self._recalled = answers

    def close(self) -> None:
        """Tell the process what it does not know yet, and let it end. May be repeated.

        Raises:
            BackendError: something of it does not end; the text names its number.
        """
        process, history = self._process, self._history
        self._process = self._history = self._last = None
        if process is not None and history is not None:
            process.close(self._news.lines(history))

    def _told(self, error: SearcherError) -> str:
        log = f" ({self._command.log} has all it wrote)" if self._command.log else ""
        return (
            f"the external searcher, {shlex.join(self._command.line)!r}, breaks off the run: "
            f"{error}\nMend it, and --synebench-resume goes on from there{log}"
        )


def command_line(text: str) -> tuple[str, ...]:
    """Return the words of a command.

    Raises:
        UsageError: it has none, or no program of that name is there.

    >>> command_line("python my_opt.py --name 'a b'")
    ('python', 'my_opt.py', '--name', 'a b')
    """
    if not text.strip():
        raise UsageError(
            f"searcher {EXTERNAL} asks a process, and no command says which; give "
            "--searcher_command 'python my_searcher.py', or choose --searcher random"
        )
    try:
        if "\0" in text:
            raise ValueError("there is a NUL in it")
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"searcher_command is {text!r}, which cannot be read: {error}; it is split into words "
            "as a shell does, but run by none"
        ) from None
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"searcher_command is {text!r}, and there is no program {words[0]!r}; name one that is "
            "on the PATH, or the path of a file that may be executed"
        )
    return words


@contextmanager
def recalling(searcher: ExternalSearcher | None, entries: Iterable[Entry]) -> Iterator[None]:
    """Take the answers of an external searcher from a journal in here: deciding again asks nobody.

    Args:
        searcher: None: the run has none of the kind.
        entries: of the journal that is replayed.
    """
    if searcher is None:
        yield
        return
    starts = [d for entry in entries for d in entry.decisions if isinstance(d, Start)]
    searcher.recall({start.trial_id: start.config for start in starts})
    try:
        yield
    finally:
        searcher.recall(None)
