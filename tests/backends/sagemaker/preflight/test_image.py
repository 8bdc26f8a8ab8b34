from __future__ import annotations

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.preflight.asking import Clients, clients
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, Verdict
from pytest_synebench.backends.sagemaker.preflight.image import image
from pytest_synebench.emulator import Emulator

NUMBER = "123456789012"
OURS = f"{NUMBER}.dkr.ecr.us-east-1.amazonaws.com/team/train"
KIND = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST = f'{{"schemaVersion": 2, "mediaType": "{KIND}"}}'


@pytest.fixture
def asked(sagemaker_emulator: Emulator) -> Clients:
    ecr = sagemaker_emulator.client("ecr")
    ecr.create_repository(repositoryName="team/train")
    ecr.put_image(repositoryName="team/train", imageTag="7", imageManifest=MANIFEST)
    return clients("us-east-1")


def looked(asked: Clients, uri: str) -> Finding:
    return image(asked, uri, NUMBER, "us-east-1")


def test_an_image_that_is_there_is_good(asked: Clients) -> None:
    assert looked(asked, f"{OURS}:7").verdict is Verdict.OK


@pytest.mark.parametrize("uri", [f"{OURS}:8", OURS, f"{OURS}/other:7"])
def test_one_that_the_registry_lacks_is_wrong(asked: Clients, uri: str) -> None:
    found = looked(asked, uri)
    assert found.verdict is Verdict.WRONG
    assert found.mends.startswith(f"docker push {uri}")


@pytest.mark.parametrize(
    ("uri", "verdict", "told"),
    [
        (
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312",
            Verdict.OK,
            "published by AWS",
        ),
        (OURS.replace(NUMBER, "999999999999"), Verdict.UNKNOWN, "account 999999999999's"),
        (OURS.replace("us-east-1", "eu-west-1"), Verdict.UNKNOWN, "is in eu-west-1"),
        ("docker.io/team/train:7", Verdict.UNKNOWN, "in no registry of ECR"),
    ],
)
def test_what_is_not_the_accounts_own_is_not_looked_up(
    asked: Clients, sagemaker_emulator: Emulator, uri: str, verdict: Verdict, told: str
) -> None:
    before = sagemaker_emulator.calls()
    found = looked(asked, uri)
    assert found.verdict is verdict
    assert told in found.told
    assert sagemaker_emulator.calls() == before


def test_what_can_be_no_images_name_is_wrong(asked: Clients) -> None:
    found = looked(asked, "not an image")
    assert found.verdict is Verdict.WRONG
    assert found.mends.startswith("--image_uri ")


def test_one_that_may_not_be_looked_at_is_unknown(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    operation = "ecr.DescribeImages"
    sagemaker_emulator.faults({"kind": "unavailable", "operation": operation, "times": None})
    assert looked(asked, f"{OURS}:7").verdict is Verdict.UNKNOWN
