"""Service Quotas' list, of the quotas that this account has.

Invariants (tests/emulator/api/test_quota_list.py):
- what is listed is what jobs are held to, and botocore reads it.

Source: ListServiceQuotas. Codes are ours: AWS's are not to be had by a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

OPERATION = "servicequotas.ListServiceQuotas"


def listing(quotas: Mapping[str, int]) -> dict[str, Any]:
    """Return the answer that lists quotas, on one page.

    Args:
        quotas: instances at most, by the quota's name.
    """
    return {
        "Quotas": [
            {
                "ServiceCode": "sagemaker",
                "QuotaName": name,
                "QuotaCode": f"L-{sha256(name.encode()).hexdigest()[:8].upper()}",
                "Value": float(value),
                "Adjustable": True,
            }
            for name, value in sorted(quotas.items())
        ]
    }
