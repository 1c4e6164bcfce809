"""Which pixels of each feature map anything reads, followed back from the output."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._kinds import POINTWISE
from convatlas.analysis._shapes import window_padding
from convatlas.analysis.doctor._reads_channels import Mask, sides, window_reach
from convatlas.layers import (
    ChannelShuffle,
    JoinShuffle,
    SampleDrop,
    Scale,
    ScaledTanh,
    SelectChannels,
    SparseConv2d,
    SubSample,
    Survival,
    ZeroPadShortcut,
)

_SAME_PIXELS = (
    *POINTWISE,
    nn.LocalResponseNorm,
    ChannelShuffle,
    JoinShuffle,
    SampleDrop,
    Scale,
    ScaledTanh,
    SelectChannels,
    Survival,
)
_SAME_PIXELS_KINDS = frozenset({"add", "sub", "mul", "cat", "chunk", "getitem"})
_WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, SparseConv2d, SubSample)


def pixels_read(graph: Graph) -> Mapping[str, Mask]:
    """Per node that is a feature map, a truth value for each pixel [h, w].

    What is not known to leave pixels out reads all.
    """
    read = {n.name: np.zeros(n.shape[1:], dtype=bool) for n in graph.nodes if len(n.shape) == 3}
    for name in read.keys() & set(graph.outputs):
        read[name][:] = True
    for node in reversed(graph.nodes):
        mask = read.get(node.name)
        for name in node.inputs:
            if name in read:
                read[name] |= _asked(node, mask, graph[name])
    return read


def reached(node: Node, source: Node) -> tuple[Mask, Mask]:
    """The rows and columns of `source` that the windows of `node` cover."""
    rows, columns = (np.ones(side, dtype=bool) for side in node.shape[1:])
    return _covered(node.module, (rows, columns), source)


def _covered(layer: Any, outputs: tuple[Mask, Mask], source: Node) -> tuple[Mask, Mask]:
    """The rows and columns of `source` that the windows of some output rows and columns cover."""
    kernel, stride, dilation = (sides(layer, n) for n in ("kernel_size", "stride", "dilation"))
    padding = window_padding(layer) if hasattr(layer, "padding") else (0, 0)
    rows, columns = (
        window_reach(
            outputs[i],
            kernel=kernel[i],
            stride=stride[i],
            padding=padding[i],
            dilation=dilation[i],
            side=source.shape[1 + i],
        )
        for i in (0, 1)
    )
    return rows, columns


def _asked(node: Node, mask: Mask | None, source: Node) -> Mask:
    everything = np.ones(source.shape[1:], dtype=bool)
    layer: Any = node.module
    if mask is None:
        return everything
    if not mask.any():
        return np.zeros(source.shape[1:], dtype=bool)
    if isinstance(layer, _WINDOWS):
        rows, columns = _covered(
            layer, (np.asarray(mask.any(axis=1)), np.asarray(mask.any(axis=0))), source
        )
        return rows[:, None] & columns
    if isinstance(layer, ZeroPadShortcut):
        taken = np.zeros(source.shape[1:], dtype=bool)
        taken[:: layer.stride, :: layer.stride] = mask
        return taken
    if isinstance(layer, nn.ZeroPad2d):
        left, _, top, _ = layer.padding
        return _inside(mask, top, left, source.shape[1], source.shape[2])
    same = isinstance(layer, _SAME_PIXELS) or node.kind in _SAME_PIXELS_KINDS
    return mask if same and mask.shape == source.shape[1:] else everything


def _inside(mask: Mask, top: int, left: int, h: int, w: int) -> Mask:
    """What padding leaves of a mask over the padded map; negative padding crops."""
    taken = np.zeros((h, w), dtype=bool)
    first_row, first_column = max(0, -top), max(0, -left)
    part = mask[max(0, top) :, max(0, left) :][: h - first_row, : w - first_column]
    rows, columns = part.shape
    taken[first_row : first_row + rows, first_column : first_column + columns] = part
    return taken
