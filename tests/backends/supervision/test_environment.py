from __future__ import annotations

import os

from pytest_synebench.backends.supervision.environment import of_supervisor
from pytest_synebench.backends.supervision.leftovers import identity


def test_a_supervisor_has_one_thread_one_hash_seed_no_driver_and_is_not_measured() -> None:
    user = {
        "HOME": "/h",
        "OMP_NUM_THREADS": "8",
        "COV_CORE_SOURCE": "x",
        "COVERAGE_PROCESS_START": "",
    }
    told = of_supervisor(user, "n1")
    assert len(told.pop("SYNEBENCH_LABEL")) > 8192
    assert told == {
        "HOME": "/h",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "PYTHONHASHSEED": "0",
        "SYNEBENCH_SUPERVISOR": identity(os.getpid()),
        "SYNEBENCH_KEEPER": "n1",
    }


def test_a_hash_seed_of_the_users_own_stays() -> None:
    assert of_supervisor({"PYTHONHASHSEED": "7"}, "n1")["PYTHONHASHSEED"] == "7"
