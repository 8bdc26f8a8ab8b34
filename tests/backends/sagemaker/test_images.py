from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from pytest_synebench.backends.sagemaker import images
from pytest_synebench.backends.sagemaker.image_table import ACCOUNTS, ALIASES, IMAGES
from pytest_synebench.backends.sagemaker.images import OLDEST_PYTHON, training_image
from pytest_synebench.errors import UsageError

TYPES = {"cpu": "ml.m5.xlarge", "gpu": "ml.g4dn.xlarge"}


def image(framework: str, version: str, region: str = "us-east-1", kind: str = "gpu") -> str:
    return training_image(framework, version, region=region, instance_type=TYPES[kind], sdk=False)


def test_the_images_of_both_frameworks() -> None:
    assert image("PyTorch", "2.6", kind="cpu") == (
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
    )
    assert image("HuggingFace", "4.56.2", "cn-north-1") == (
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/huggingface-pytorch-training:"
        "2.8.0-transformers4.56.2-gpu-py312-cu129-ubuntu22.04"
    )


@pytest.mark.parametrize(
    ("framework", "version", "region", "kind", "message"),
    [
        ("TensorFlow", "2.0", "us-east-1", "cpu", r"'TensorFlow'; it must be PyTorch or HuggingF"),
        ("PyTorch", "1.13", "us-east-1", "cpu", r"'1.13'; of PyTorch these .* 3.10 or newer: 2.0"),
        ("PyTorch", "2.6", "eu-nowhere-1", "cpu", r"no image in region 'eu-nowhere-1'; .*af-south"),
        ("PyTorch", "2.6", "us-iso-east-1", "cpu", r"PyTorch 2.6.0 has no image in region"),
        ("HuggingFace", "4.56", "us-east-1", "cpu", r"no image for CPU instances, only for GPU"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    framework: str, version: str, region: str, kind: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        image(framework, version, region, kind)
    assert "--image_uri" in str(caught.value)


@pytest.mark.parametrize(
    ("instance_type", "message"),
    [("m5.xlarge", "name a training instance"), ("ml.trn1.2xlarge", "image for Neuron")],
)
def test_instances_of_another_kind_are_refused(instance_type: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        images.processor_of(instance_type)


def sdk(monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> list[dict[str, object]]:
    """Put an SDK in place that gives one answer; return what it is asked."""
    asked: list[dict[str, object]] = []

    def retrieve(**told: object) -> str:
        asked.append(told)
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = ModuleType("image_uris")
    module.retrieve = retrieve  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "sagemaker.core.image_uris", module)
    return asked


def test_where_the_sdk_is_installed_its_answer_is_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = sdk(monkeypatch, "newer:2.99.0-gpu-py314")
    uri = training_image("PyTorch", "2.99", region="us-east-1", instance_type="ml.g4dn.xlarge")
    assert uri == "newer:2.99.0-gpu-py314"
    assert asked[0]["version"] == "2.99"


def test_an_sdk_that_knows_no_such_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk(monkeypatch, ValueError("Unsupported pytorch version: 9.9."))
    with pytest.raises(UsageError, match=r"SDK says: Unsupported pytorch version: 9.9..*image_uri"):
        training_image("PyTorch", "9.9", region="us-east-1", instance_type="ml.g4dn.xlarge")


def test_an_image_whose_python_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk(monkeypatch, "x/pytorch-training:1.13.1-gpu-py39")
    with pytest.raises(UsageError, match=r"has Python 3.9; trials need 3.10 or newer"):
        training_image("PyTorch", "1.13.1", region="us-east-1", instance_type="ml.g4dn.xlarge")


def test_the_table_has_no_python_that_is_too_old() -> None:
    for versions in IMAGES.values():
        assert all(one.python >= OLDEST_PYTHON for one in versions.values())


def test_the_table_equals_the_sdk() -> None:
    pytest.importorskip("sagemaker.core.image_uris", reason="needs sagemaker-core")
    for framework, versions in IMAGES.items():
        for alias in ALIASES[framework]:
            assert ALIASES[framework][alias] in versions
        for version, one in versions.items():
            for region in sorted(ACCOUNTS.keys() - one.lacking):
                for kind in one.processors:
                    told: dict[str, Any] = {"region": region, "instance_type": TYPES[kind]}
                    assert training_image(framework, version, **told) == training_image(
                        framework, version, **told, sdk=False
                    )
