"""What each part of a net puts out, measured without weights."""

from functools import cache

import torch
from torch import nn

from convatlas import models
from convatlas.facts import Fact
from tests.papers.stage_table import on_meta


@cache
def output_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """(channels, height, width) under the path of each part, of its last run."""
    net, spec, shapes = on_meta(name), models.spec_of(name), {}

    def hook(part: str) -> object:
        def note(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            shapes[part] = tuple(output.shape[1:])

        return note

    for part, module in net.named_modules():
        module.register_forward_hook(hook(part))
    with torch.no_grad():
        net(torch.empty(1, spec.in_channels, spec.input_side, spec.input_side, device="meta"))
    return shapes


def size_of(fact: Fact) -> int:
    """The side or the channels that the part of `fact` puts out."""
    channels, height, width = output_shapes(fact.variant)[fact.part]
    assert height == width
    return {"side": height, "channels": channels}[fact.quantity]
