"""Syne Tune's simulator, of 0.13.0 or 0.16.0, over the table that ``simulated.py`` wrote.

    python syne_tune_simulator.py TABLE.json OUT.json SCHEDULER TRIALS [--memory]

``save_tuner`` is off, its results callback that of simulations, its delays 0 as ours. Timed is
``Tuner.run`` alone: CPU.
"""

import json
import logging
import sys
import time
import tracemalloc
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_backend import SimulatorConfig
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import randint, uniform

logging.disable(logging.CRITICAL)


class Counting(SimulatorCallback):
    """Counts the reports."""

    reports = 0

    def on_trial_result(self, trial, status, result, decision):
        """Count one."""
        self.reports += 1
        super().on_trial_result(trial, status, result, decision)


def blackbox(told):
    """Return the table as theirs."""
    columns = told["configs"]
    values = np.stack([np.array(told["loss"]), np.array(told["elapsed_s"])], axis=-1)
    return BlackboxTabular(
        hyperparameters=pd.DataFrame(columns),
        configuration_space={name: uniform(0, 1) for name in columns},
        fidelity_space={"epoch": randint(1, values.shape[1])},
        objectives_evaluations=values[:, None],
        objectives_names=["loss", "elapsed_time"],
    )


def scheduler(name, table, last):
    """Return one whose suggestions are rows."""
    rows = table.hyperparameters.to_dict("records")
    if version("syne-tune").startswith("0.13"):
        from syne_tune.optimizer.schedulers import FIFOScheduler, HyperbandScheduler

        options = {"restrict_configurations": rows, "debug_log": False}
        common = {"searcher": "random", "metric": "loss", "mode": "min", "random_seed": 1}
        space = {**table.configuration_space, "epochs": last}
        if name == "fifo":
            return FIFOScheduler(space, search_options=options, **common)
        return HyperbandScheduler(
            space,
            type=name.removeprefix("asha_"),
            search_options=options,
            resource_attr="epoch",
            max_resource_attr="epochs",
            **common,
        )
    from syne_tune.optimizer.baselines import ASHA, RandomSearch

    space = {**table.configuration_space, "epochs": last}
    points = np.random.default_rng(1).permutation(len(rows))
    searched = {"points_to_evaluate": [rows[i] for i in points]}
    if name == "fifo":
        return RandomSearch(space, metrics=["loss"], random_seed=1, **searched)
    return ASHA(space, metric="loss", time_attr="epoch", max_t=last, random_seed=1, **searched)


def main():
    """Simulate, and say what it took."""
    table_path, out, name, trials, *memory = sys.argv[1:]
    told = json.loads(Path(table_path).read_text())
    table, counting = blackbox(told), Counting()
    nothing = {
        "delay_on_trial_result": 0.0,
        "delay_complete_after_final_report": 0.0,
        "delay_complete_after_stop": 0.0,
        "delay_start": 0.0,
        "delay_stop": 0.0,
    }
    backend = UserBlackboxBackend(
        blackbox=table,
        elapsed_time_attr="elapsed_time",
        max_resource_attr="epochs",
        seed=0,
        simulator_config=SimulatorConfig(**nothing),
    )
    tuner = Tuner(
        trial_backend=backend,
        scheduler=scheduler(name, table, len(told["loss"][0])),
        stop_criterion=StoppingCriterion(max_num_trials_started=int(trials)),
        n_workers=4,
        sleep_time=0,
        callbacks=[counting],
        save_tuner=False,
        print_update_interval=1e9,
        results_update_interval=1e9,
    )
    if memory:
        tracemalloc.start()
    cpu_s = time.process_time()
    tuner.run()
    took = {"cpu_s": time.process_time() - cpu_s, "reports": counting.reports}
    took["bytes"], _ = tracemalloc.get_traced_memory()
    Path(out).write_text(json.dumps(took))


if __name__ == "__main__":
    main()
