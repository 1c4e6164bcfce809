"""What a paper's table says of a net, measured without weights: sides, params, mult-adds."""

from functools import cache

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convatlas import models
from convatlas.models import Spec


def params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_meta(name: str, **changes: object) -> nn.Module:
    with torch.device("meta"):
        return models.build(name, **changes).eval()


@cache
def mult_adds(name: str, **changes: object) -> int:
    """torch's own counter, which knows two operations per multiply-add."""
    spec = models.spec_of(name, **changes)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        on_meta(name, **changes)(_images(spec))
    return counter.get_total_flops() // 2


@cache
def stage_rows(name: str, **changes: object) -> list[tuple[str, int, int, int]]:
    """(stage, side, channels, params) for each stage."""
    net, rows = on_meta(name, **changes), []
    for stage, module in net.stages.named_children():
        module.register_forward_hook(
            lambda module, _, out, stage=stage: rows.append(
                (stage, out.shape[-1], out.shape[1], params(module))
            )
        )
    with torch.no_grad():
        net(_images(models.spec_of(name, **changes)))
    return rows


def weighted_layers(net: nn.Module) -> int:
    """Convolutions and linear layers, shortcuts not counted: what the paper calls layers."""
    return sum(
        isinstance(module, nn.Conv2d | nn.Linear)
        for name, module in net.named_modules()
        if "shortcut" not in name
    )


def _images(spec: Spec) -> torch.Tensor:
    return torch.empty(1, spec.in_channels, spec.input_side, spec.input_side, device="meta")
