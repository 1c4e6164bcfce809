"""Bundles for the tests: honest ones, and ones whose checksums were made to fit."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convatlas import bundle, models
from convatlas.bundle import BundleInfo

JSON, WEIGHTS = "bundle.json", "weights.safetensors"


def info_of(variant: str, **spec_changes: Any) -> BundleInfo:
    spec = models.spec_of(variant, **spec_changes)
    return BundleInfo(
        name=f"{variant} on cows",
        family=models.family_of(variant).name,
        variant=variant,
        spec=asdict(spec),
        classes=[f"class {i}" for i in range(spec.num_classes)],
        preprocessing={
            "side": spec.input_side,
            "channels": spec.in_channels,
            "mean": [0.25] * spec.in_channels,
            "std": [0.5] * spec.in_channels,
            "crop_share": 0.875,
        },
        recipe={"steps": 10, "learning_rate": 0.1},
        metrics=[{"protocol": "single_crop", "n": 10, "top1_error": 12.5, "top5_error": None}],
        versions=bundle.versions(),
    )


def net_of(variant: str, **spec_changes: Any) -> nn.Module:
    """A net whose every weight and statistic is random."""
    torch.manual_seed(0)
    net = models.build(variant, **spec_changes)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return net


def written(directory: Path, variant: str = "lenet5_small", **spec_changes: Any) -> Path:
    path = directory / f"{variant}.bundle"
    return bundle.save(path, net_of(variant, **spec_changes), info_of(variant, **spec_changes))


def fields_of(path: Path) -> dict[str, Any]:
    return json.loads((path / JSON).read_bytes())


def sign(path: Path, fields: dict[str, Any]) -> None:
    """Write `fields` as bundle.json with a checksum that fits."""
    fields = {name: value for name, value in fields.items() if name != "checksum"}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    fields["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    (path / JSON).write_text(json.dumps(fields))


def replace_weights(path: Path, content: bytes) -> None:
    """Put in other weights, with a hash that fits."""
    (path / WEIGHTS).write_bytes(content)
    sign(path, {**fields_of(path), "weights_sha256": hashlib.sha256(content).hexdigest()})
