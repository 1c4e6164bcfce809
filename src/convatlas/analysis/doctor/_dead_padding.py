"""Multiply-adds with the zeros around a feature map."""

from typing import Any

from torch import nn

from convatlas.analysis._graph import Node
from convatlas.analysis._shapes import window_padding
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found
from convatlas.analysis.doctor._reads_channels import sides

RULE = Rule(
    kind="dead padding",
    unit="part",
    meaning="of the layer's mult-adds multiply a zero of the padding",
    limit=0.15,
    why="a 3x3 on a map of 8x8 or less: the window is large for what is left to see",
    advice="a smaller window on these maps, a larger image, or one halving less",
    source="counted: pixels of windows that lie outside of the map",
)


def dead_padding(case: Case) -> Finding | None:
    """Convolutions that see much padding; `lost` is that part of their time for computing."""
    layers = []
    for node, layer in case.convolutions():
        dead = padding_share(case, node, layer)
        time = case.time[node.name]
        useful = max((1 - dead) * time.compute_s, time.memory_s)
        layers.append(
            Affected(
                name=node.name,
                figure=dead,
                share=case.share(node.name),
                lost=(max(time.compute_s, time.memory_s) - useful) / case.seconds,
            )
        )
    return found(RULE, layers)


def padding_share(case: Case, node: Node, layer: Any) -> float:
    """Exact part of a convolution's mult-adds whose input is padding, 0 to 1.

    A layer that only pads counts with the convolution that reads it.
    """
    source, before, margin = case.source(node), window_padding(layer), (0, 0)
    shape = source.shape[1:]
    if isinstance(source.module, nn.ZeroPad2d):
        left, _, top, _ = source.module.padding
        margin = (top, left)
        shape = case.source(source).shape[1:]
    kernel, stride, dilation = (sides(layer, n) for n in ("kernel_size", "stride", "dilation"))
    alive = 1.0
    for i in (0, 1):
        starts = [o * stride[i] - before[i] - margin[i] for o in range(node.shape[1 + i])]
        taps = [s + dilation[i] * k for s in starts for k in range(kernel[i])]
        alive *= sum(0 <= tap < shape[i] for tap in taps) / len(taps)
    return 1 - alive
