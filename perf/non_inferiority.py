"""Whether ours finds as good configs as the reference does: the same curves, run id by run id.

    python perf/non_inferiority.py --environments DIR [--quick] [--run_ids N] [--docs FILE]
        [--only ALGORITHM ...] [--tables TABLE ...] [--continue] [--minutes M]

Per algorithm and table, over many simulated run ids: the regret of ours, and of Syne Tune's own
scheduler (peers/syne_tune_simulated.py) or of Optuna's own sampler (peers/optuna_tabulated.py), on
the same curves, with the same first configs. Ours is not inferior where the one-sided 95 % bound of
mean(ours - reference) is below a tenth of mean(random - reference); that is asked wherever the
reference beats random.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import environments
import machine
from non_inferiority_cases import RANDOM, SETTINGS, Algorithm, Setting
from non_inferiority_page import page
from non_inferiority_runs import OURS, PROGRAMS, Games, Player, Regrets

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance" / "non-inferiority.md"
_BATCH = 50  # run ids that are played by one process
_Z95 = statistics.NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The regrets of one algorithm on one table, by run id."""

    setting: Setting
    algorithm: Algorithm
    ours: Sequence[float]
    reference: Sequence[float]
    random: Sequence[float]

    @property
    def apart(self) -> tuple[float, float]:
        """Mean of ours - reference, and what the one-sided 95 % bound lies beyond it."""
        apart = [a - b for a, b in zip(self.ours, self.reference, strict=True)]
        return statistics.fmean(apart), _Z95 * statistics.stdev(apart) / len(apart) ** 0.5

    @property
    def margin(self) -> float:
        """A tenth of what the reference gains on random."""
        gains = [a - b for a, b in zip(self.random, self.reference, strict=True)]
        return statistics.fmean(gains) / 10

    @property
    def verdict(self) -> str:
        """What follows."""
        mean, width = self.apart
        if self.algorithm.is_random:
            return "**worse**" if mean - width > 0 else "no difference seen"
        if self.margin <= 0:
            return "not asked: the reference does not beat random"
        if mean + width < self.margin:
            return "met"
        return "**not met**" if self.algorithm.like else "not met"

    def line(self) -> str:
        """Return its line of the page."""
        means = (statistics.fmean(ones) for ones in (self.ours, self.reference, self.random))
        figures = [f"{value:.4g}" for value in (*means, sum(self.apart), self.margin)]
        cells = [
            self.setting.name,
            self.algorithm.name,
            str(len(self.ours)),
            *figures,
            self.verdict,
        ]
        return f"| {' | '.join(cells)} |"


def rows(settings: Sequence[Setting], only: Sequence[str]) -> list[tuple[Setting, Algorithm]]:
    """Return what is compared; ``only``: names of algorithms, () for all."""
    pairs = [(setting, one) for setting in settings for one in setting.algorithms]
    return [(setting, one) for setting, one in pairs if not only or one.name in only]


def players(setting: Setting, algorithm: Algorithm) -> tuple[Player, Player, Player]:
    """Return who plays in a row: ours, the reference, and the random search of Syne Tune."""
    return (
        Player(OURS, setting.name, algorithm.name),
        Player(algorithm.system, setting.name, algorithm.reference),
        Player(RANDOM.system, setting.name, RANDOM.reference),
    )


def compared(
    pairs: Sequence[tuple[Setting, Algorithm]], regrets: Regrets, run_ids: Sequence[int]
) -> Iterator[Comparison]:
    """Yield every comparison over the run ids that all three have played."""
    for setting, algorithm in pairs:
        found = [regrets.of(player) for player in players(setting, algorithm)]
        both = [run_id for run_id in run_ids if all(run_id in one for one in found)]
        mine, theirs, random = ([one[run_id] for run_id in both] for one in found)
        yield Comparison(
            setting=setting, algorithm=algorithm, ours=mine, reference=theirs, random=random
        )


def play(
    pairs: Sequence[tuple[Setting, Algorithm]], regrets: Regrets, given: argparse.Namespace
) -> None:
    """Play what is missing, batch by batch, while there is time."""
    algorithms = {player: one for pair in pairs for player, one in _of(*pair)}
    settings = {setting.name: setting for setting, _ in pairs}
    games = Games(settings, algorithms, regrets, given.environments.resolve(), given.work)
    ends_s = time.monotonic() + given.minutes * 60
    for first in range(0, given.run_ids, _BATCH):
        if time.monotonic() > ends_s:
            break
        batch = range(first, min(first + _BATCH, given.run_ids))
        games.play(batch)
        took = ", ".join(f"{system} {cpu_s:.0f}" for system, cpu_s in games.cpu_s.items())
        print(f"up to run id {batch[-1]}; CPU seconds: {took}", flush=True)


def _of(setting: Setting, algorithm: Algorithm) -> Iterator[tuple[Player, Algorithm]]:
    mine, theirs, random = players(setting, algorithm)
    yield from ((mine, algorithm), (theirs, algorithm), (random, RANDOM))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=ROOT / ".tox" / "non-inferiority")
    parser.add_argument("--run_ids", type=int, default=500, help="how many")
    parser.add_argument(
        "--quick", action="store_const", const=20, dest="run_ids", help="20 of them"
    )
    parser.add_argument("--docs", type=Path, default=PAGE, help="the page to write")
    parser.add_argument("--only", nargs="+", default=(), help="algorithms; the page is not written")
    parser.add_argument("--tables", nargs="+", default=(), help="tables; likewise")
    parser.add_argument("--continue", action="store_true", dest="go_on", help="what is missing")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no batch begins")
    return parser.parse_args()


def main() -> int:
    """Compare, and write the page; exit code 1 where one is not met."""
    given = _options()
    made = given.environments.resolve()
    if failed := environments.ensure(made, [*PROGRAMS]):
        raise SystemExit("\n".join(failed.values()))
    given.work.mkdir(parents=True, exist_ok=True)
    settings = [one for one in SETTINGS if not given.tables or one.name in given.tables]
    pairs = rows(settings, given.only)
    regrets = Regrets(given.work / "regrets.jsonl", go_on=given.go_on)
    play(pairs, regrets, given)
    comparisons = list(compared(pairs, regrets, range(given.run_ids)))
    lines = [one.line() for one in comparisons]
    print("\n".join(lines), flush=True)
    if not given.only and not given.tables:
        versions = machine.facts(made, [*PROGRAMS])["versions"]
        tables = {one.name: one.what for one in SETTINGS}
        count = min(len(one.ours) for one in comparisons)
        given.docs.write_text(page(lines, tables, count, versions))
    return int(any("**" in one.verdict for one in comparisons))


if __name__ == "__main__":
    raise SystemExit(main())
