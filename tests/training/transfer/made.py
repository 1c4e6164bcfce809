"""Bundles of nets whose every weight and statistic is random."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convatlas import bundle, models
from convatlas.bundle import BundleInfo
from convatlas.data import Preprocessing
from convatlas.training.transfer import Donor
from tests.peers.peer import randomise

LETTERS = "abcdefgh"


def net_of(variant: str, *, seed: int = 0, **changes: Any) -> nn.Module:
    torch.manual_seed(seed)
    net = models.build(variant, **changes).eval()
    randomise(net)  # by a seed of its own
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1 + seed / 8)
    return net


def write_bundle(
    path: Path,
    variant: str = "resnet8_small",
    *,
    classes: Sequence[str] = "abc",
    side: int = 8,
    channels: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    bgr: bool = False,
    crop_share: float = 1.0,
    **changes: Any,
) -> Path:
    changes = {
        "num_classes": len(classes), "input_side": side, "in_channels": channels, **changes
    }  # fmt: skip
    preprocessing = Preprocessing(
        side=side,
        channels=channels,
        mean=tuple(mean or (0.4,) * channels),
        std=tuple(std or (0.2,) * channels),
        channel_order="bgr" if bgr else "rgb",
        crop_share=crop_share,
    )
    info = BundleInfo(
        name="made",
        family=models.family_of(variant).name,
        variant=variant,
        spec=asdict(models.spec_of(variant, **changes)),
        classes=list(classes),
        preprocessing=preprocessing.as_dict(),
        history=[{"step": "made"}],
        versions=bundle.versions(),
    )
    return bundle.save(path, net_of(variant, seed=seed, **changes), info)


def donor(folder: Path, variant: str = "resnet8_small", **changes: Any) -> Donor:
    loaded = bundle.load(write_bundle(folder / "donor.bundle", variant, **changes))
    return Donor(asked=str(loaded.path), info=loaded.info, net=loaded.net)
