from __future__ import annotations

from pytest_synebench.emulator import Emulator


def test_what_is_listed_is_what_jobs_are_held_to(sagemaker_emulator: Emulator) -> None:
    client = sagemaker_emulator.client("service-quotas")
    assert client.list_service_quotas(ServiceCode="sagemaker")["Quotas"] == []
    sagemaker_emulator.quota("ml.m5.large", 2)
    sagemaker_emulator.quota("ml.m5.large", 0, spot=True)
    listed = client.list_service_quotas(ServiceCode="sagemaker")["Quotas"]
    assert {one["QuotaName"]: one["Value"] for one in listed} == {
        "ml.m5.large for training job usage": 2.0,
        "ml.m5.large for spot training job usage": 0.0,
    }
    assert len({one["QuotaCode"] for one in listed}) == 2
