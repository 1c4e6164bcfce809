"""Which channels of each layer anything reads, followed back from the output."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._kinds import POINTWISE
from convatlas.analysis._shapes import pair
from convatlas.layers import (
    ChannelShuffle,
    JoinShuffle,
    SampleDrop,
    Scale,
    ScaledTanh,
    SelectChannels,
    SubSample,
    Survival,
    ZeroPadShortcut,
)

Mask = npt.NDArray[np.bool_]

_ONE_TO_ONE = (
    *POINTWISE,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.ZeroPad2d,
    SampleDrop,
    Scale,
    ScaledTanh,
    SubSample,
    Survival,
)
_ARITHMETIC = frozenset({"add", "sub", "mul"})


def channels_read(graph: Graph) -> Mapping[str, Mask]:
    """Per node, a truth value for each channel (of a vector: each element).

    A dense layer reads all that it is given, a layer in groups the channels of groups that are
    themselves read. What is not known to leave channels out reads all.
    """
    read = {node.name: np.zeros(node.shape[:1] or (1,), dtype=bool) for node in graph.nodes}
    for name in graph.outputs:
        read[name][:] = True
    for node in reversed(graph.nodes):
        if not read[node.name].any():
            continue
        start = 0
        for i, name in enumerate(node.inputs):
            source = graph[name]
            read[name] |= _asked(node, read[node.name], source, i, start)
            start += source.shape[0] if source.shape else 1
    return read


def _asked(node: Node, mask: Mask, source: Node, index: int, start: int) -> Mask:
    """The channels of the input `source` that the channels of `node` in `mask` depend on."""
    channels = source.shape[0] if source.shape else 1
    asked = np.zeros(channels, dtype=bool)
    layer: Any = node.module
    if isinstance(layer, nn.Conv2d):
        groups = mask.reshape(layer.groups, -1).any(axis=1)
        return np.repeat(groups, channels // layer.groups)
    if isinstance(layer, SelectChannels) and not layer.indices.is_meta:
        asked[layer.indices.numpy()[mask]] = True
        return asked
    if isinstance(layer, ChannelShuffle):
        return mask.reshape(-1, layer.groups).T.reshape(-1)
    if isinstance(layer, JoinShuffle):
        return mask[index::2]
    if isinstance(layer, ZeroPadShortcut):
        return mask[:channels]
    if node.kind == "cat" and node.arguments.get("dim") == 1:
        return mask[start : start + channels]
    if node.kind == "getitem" and "sizes" in source.arguments and "index" in node.arguments:
        first = sum(source.arguments["sizes"][: node.arguments["index"]])
        asked[first : first + len(mask)] = mask
        return asked
    flat = node.kind == "flatten" or isinstance(layer, nn.Flatten)
    if flat and len(mask) % channels == 0:
        return np.asarray(mask.reshape(channels, -1).any(axis=1))
    one_to_one = isinstance(layer, _ONE_TO_ONE) or node.kind in (*_ARITHMETIC, "chunk")
    if one_to_one and len(mask) == channels:
        return mask
    return np.ones(channels, dtype=bool)


def window_reach(
    outputs: Mask, *, kernel: int, stride: int, padding: int, dilation: int, side: int
) -> Mask:
    """Which of `side` rows the windows of the rows in `outputs` cover."""
    starts = np.flatnonzero(outputs) * stride - padding
    rows = (starts[:, None] + dilation * np.arange(kernel)).ravel()
    reached = np.zeros(side, dtype=bool)
    reached[rows[(rows >= 0) & (rows < side)]] = True
    return reached


def sides(layer: Any, name: str) -> tuple[int, int]:
    """A setting of a window per side; 1 where the layer has none."""
    return pair(getattr(layer, name, 1))
