"""What tables of papers call a layer."""

from typing import Any

from torch import nn

from convatlas.analysis._counting import WEIGHTED
from convatlas.analysis._graph import Node
from convatlas.analysis._shapes import pair

# Each element of the output is made of the element at its place, and of constants of its channel.
POINTWISE = (
    nn.BatchNorm2d,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SiLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Dropout,
    nn.Identity,
)

_NAMES = {"Linear": "linear", "BatchNorm2d": "batch norm"}


def layer_kind(node: Node) -> str:
    """One of "linear", "1x1", "grouped 3x3", "depthwise 3x3", "batch norm", or the class."""
    layer: Any = node.module
    if node.kind in _NAMES or node.kind not in WEIGHTED:
        return _NAMES.get(node.kind, node.kind)
    window = "x".join(map(str, pair(layer.kernel_size)))
    groups = getattr(layer, "groups", 1)
    if groups == 1:
        return window
    return f"{'depthwise' if groups == layer.in_channels else 'grouped'} {window}"
