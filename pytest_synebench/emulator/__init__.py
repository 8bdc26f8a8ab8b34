"""A SageMaker training-job service on loopback, in which jobs are real processes.

For tests of anything that talks to SageMaker, whatever the client: no account, no network. S3,
logs, IAM, STS and ECR are moto's; training jobs are this package's own. It needs the extra
``emulator`` and Linux.

    from pytest_synebench.emulator import emulating

    with emulating(driven_clock=True) as emulator:
        sagemaker = emulator.client("sagemaker")

Or as a command, for other clients: ``python -m pytest_synebench.emulator``. The guide,
docs/guide/emulator.md, numbers what it assumes where AWS documents nothing.

It uses nothing of the project but its errors.
"""

from __future__ import annotations

from pytest_synebench.emulator.handle import Emulator, emulating

__all__ = ["Emulator", "emulating"]
