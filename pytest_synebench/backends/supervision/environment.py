"""The environment a supervisor starts with, which is what its forked children are shown with.

Invariants (tests/backends/supervision/test_environment.py):
- libraries that it imports start no thread, whatever the user's own variables say;
- torch answers whether there is CUDA without starting its driver, which no fork survives;
- its coverage is not measured, nor that of what is forked from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pytest_synebench.backends.supervision import label
from pytest_synebench.backends.supervision.leftovers import SUPERVISOR, identity

KEEPER = "SYNEBENCH_KEEPER"  #: of a supervisor: a name that nothing else has
HASH_SEED = "0"  #: of Python's hashes, unless the user says another
MEASURING = ("COV_CORE_", "COVERAGE_PROCESS_")  #: variables that have a process measured
NO_DRIVER = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}  #: for torch.cuda.is_available()
NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}  #: of pyarrow, so of pandas
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def of_supervisor(user: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the environment of a supervisor of this process.

    Args:
        user: the environment of this process.
        name: the supervisor's own.
    """
    return {
        "PYTHONHASHSEED": HASH_SEED,
        **{name: value for name, value in user.items() if not name.startswith(MEASURING)},
        **dict.fromkeys(THREADS, "1"),
        **NO_DRIVER,
        **NO_THREADS,
        **label.room(),
        SUPERVISOR: identity(os.getpid()),
        KEEPER: name,
    }
