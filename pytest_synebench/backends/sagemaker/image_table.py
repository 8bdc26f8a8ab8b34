"""Images that AWS publishes for training, as far as their Python can run the job side.

Copied from the SageMaker SDK, which a test compares it with where that is installed. A version
that is not here is found by a newer SDK (``pip install sagemaker-core``), or named by
``image_uri``.

Source: sagemaker-core 2.27.0, image_uri_config/pytorch.json and huggingface.json.
"""

from __future__ import annotations

from typing import NamedTuple


class Image(NamedTuple):
    """One published version."""

    tag: str  #: ``{processor}`` stands for cpu or gpu
    processors: tuple[str, ...]
    python: tuple[int, int]
    lacking: frozenset[str]  #: regions of ``ACCOUNTS`` in which it is not


REPOSITORIES = {"PyTorch": "pytorch-training", "HuggingFace": "huggingface-pytorch-training"}

#: Owners of the registries, by region.
ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-1": "763104351884",
    "ap-northeast-2": "763104351884",
    "ap-northeast-3": "364406365360",
    "ap-south-1": "763104351884",
    "ap-south-2": "772153158452",
    "ap-southeast-1": "763104351884",
    "ap-southeast-2": "763104351884",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-central-1": "763104351884",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-1": "763104351884",
    "eu-central-2": "380420809688",
    "eu-isoe-west-1": "371248457586",
    "eu-north-1": "763104351884",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "eu-west-1": "763104351884",
    "eu-west-2": "763104351884",
    "eu-west-3": "763104351884",
    "eusc-de-east-1": "204133271717",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "sa-east-1": "763104351884",
    "us-east-1": "763104351884",
    "us-east-2": "763104351884",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
    "us-iso-east-1": "886529160074",
    "us-isob-east-1": "094389454867",
    "us-isof-east-1": "303241398832",
    "us-isof-south-1": "454834333376",
    "us-west-1": "763104351884",
    "us-west-2": "763104351884",
}

_LACKING_1 = frozenset(
    {"eu-isoe-west-1", "eusc-de-east-1", "me-west-1", "us-isof-east-1", "us-isof-south-1"}
)
_LACKING_2 = frozenset({"eu-isoe-west-1", "eusc-de-east-1", "me-west-1"})
_LACKING_3 = frozenset(
    {
        "eu-isoe-west-1",
        "eusc-de-east-1",
        "me-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-east-1",
        "us-isof-south-1",
    }
)
_LACKING_4 = frozenset(
    {
        "eu-isoe-west-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-east-1",
        "us-isof-south-1",
    }
)
_LACKING_5 = frozenset(
    {
        "ap-east-2",
        "ap-south-2",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "eu-central-2",
        "eu-isoe-west-1",
        "eu-south-2",
        "eusc-de-east-1",
        "me-west-1",
        "mx-central-1",
        "us-isof-east-1",
        "us-isof-south-1",
    }
)
_BOTH, _GPU = ("cpu", "gpu"), ("gpu",)

IMAGES: dict[str, dict[str, Image]] = {
    "PyTorch": {
        "2.0.0": Image("2.0.0-{processor}-py310", _BOTH, (3, 10), _LACKING_1),
        "2.0.1": Image("2.0.1-{processor}-py310", _BOTH, (3, 10), _LACKING_1),
        "2.1.0": Image("2.1.0-{processor}-py310", _BOTH, (3, 10), _LACKING_2),
        "2.2.0": Image("2.2.0-{processor}-py310", _BOTH, (3, 10), _LACKING_2),
        "2.3.0": Image("2.3.0-{processor}-py311", _BOTH, (3, 11), _LACKING_2),
        "2.4.0": Image("2.4.0-{processor}-py311", _BOTH, (3, 11), _LACKING_3),
        "2.5.1": Image("2.5.1-{processor}-py311", _BOTH, (3, 11), _LACKING_3),
        "2.6.0": Image("2.6.0-{processor}-py312", _BOTH, (3, 12), _LACKING_3),
        "2.7.1": Image("2.7.1-{processor}-py312", _BOTH, (3, 12), _LACKING_3),
        "2.8.0": Image("2.8.0-{processor}-py312", _BOTH, (3, 12), _LACKING_4),
        "2.9.0": Image("2.9.0-{processor}-py312", _BOTH, (3, 12), frozenset()),
        "2.10.0": Image("2.10.0-{processor}-py313", _BOTH, (3, 13), frozenset()),
    },
    "HuggingFace": {
        "4.28.1": Image(
            "2.0.0-transformers4.28.1-{processor}-py310-cu118-ubuntu20.04",
            _GPU,
            (3, 10),
            _LACKING_5,
        ),
        "4.36.0": Image(
            "2.1.0-transformers4.36.0-{processor}-py310-cu121-ubuntu20.04",
            _GPU,
            (3, 10),
            _LACKING_5,
        ),
        "4.46.1": Image(
            "2.3.0-transformers4.46.1-{processor}-py311-cu121-ubuntu20.04",
            _GPU,
            (3, 11),
            _LACKING_5,
        ),
        "4.48.0": Image(
            "2.3.0-transformers4.48.0-{processor}-py311-cu121-ubuntu20.04",
            _GPU,
            (3, 11),
            _LACKING_5,
        ),
        "4.49.0": Image(
            "2.5.1-transformers4.49.0-{processor}-py311-cu124-ubuntu22.04",
            _GPU,
            (3, 11),
            _LACKING_5,
        ),
        "4.55.0": Image(
            "2.7.1-transformers4.55.0-{processor}-py312-cu128-ubuntu22.04",
            _GPU,
            (3, 12),
            _LACKING_5,
        ),
        "4.56.2": Image(
            "2.8.0-transformers4.56.2-{processor}-py312-cu129-ubuntu22.04",
            _GPU,
            (3, 12),
            _LACKING_5,
        ),
        "5.3.0": Image(
            "2.9.0-transformers5.3.0-{processor}-py312-cu130-ubuntu22.04", _GPU, (3, 12), _LACKING_5
        ),
    },
}
#: What a shortened version stands for.
ALIASES = {
    "PyTorch": {
        "2.0": "2.0.1",
        "2.1": "2.1.0",
        "2.2": "2.2.0",
        "2.3": "2.3.0",
        "2.4": "2.4.0",
        "2.5": "2.5.1",
        "2.6": "2.6.0",
        "2.7": "2.7.1",
        "2.8": "2.8.0",
        "2.9": "2.9.0",
        "2.10": "2.10.0",
    },
    "HuggingFace": {
        "4.28": "4.28.1",
        "4.36": "4.36.0",
        "4.46": "4.46.1",
        "4.48": "4.48.0",
        "4.49": "4.49.0",
        "4.55": "4.55.0",
        "4.56": "4.56.2",
        "5.3": "5.3.0",
    },
}
