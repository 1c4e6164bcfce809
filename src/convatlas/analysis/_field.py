"""How much of the image an output element depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair
from convatlas.layers import SparseConv2d, SubSample, ZeroPadShortcut

_Sides = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Field:
    """Pixels of the image per side that an element sees, and between neighbouring elements."""

    size: _Sides = (1, 1)
    jump: _Sides = (1, 1)

    def through(self, kernel: _Sides, stride: _Sides = (1, 1)) -> "_Field":
        """The field behind a window."""
        (h, w), (jh, jw) = self.size, self.jump
        size = (h + (kernel[0] - 1) * jh, w + (kernel[1] - 1) * jw)
        return _Field(size, (jh * stride[0], jw * stride[1]))


def receptive_fields(graph: Graph) -> dict[str, int]:
    """Per node, the side of the square of pixels that one element depends on.

    The larger side, and the widest of the paths that lead to it. Not cut at the image's border, so
    it may exceed the image.
    """
    fields: dict[str, _Field] = {}
    for node in graph.nodes:
        before = _widest([fields[name] for name in node.inputs])
        fields[node.name] = _behind(graph, node, before)
    return {name: max(field.size) for name, field in fields.items()}


def _widest(fields: Sequence[_Field]) -> _Field:
    if len(fields) < 2:
        return fields[0] if fields else _Field()
    size = max(f.size[0] for f in fields), max(f.size[1] for f in fields)
    jump = max(f.jump[0] for f in fields), max(f.jump[1] for f in fields)
    return _Field(size, jump)


def _behind(graph: Graph, node: Node, before: _Field) -> _Field:
    layer: Any = node.module
    if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        (kh, kw), (dh, dw) = pair(layer.kernel_size), pair(layer.dilation)
        return before.through((dh * (kh - 1) + 1, dw * (kw - 1) + 1), pair(layer.stride))
    if isinstance(layer, nn.AvgPool2d | SparseConv2d | SubSample):
        return before.through(pair(layer.kernel_size), pair(layer.stride))
    if isinstance(layer, ZeroPadShortcut):
        return before.through((1, 1), pair(layer.stride))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        (h, w), (ho, wo) = graph[node.inputs[0]].shape[1:], node.shape[1:]
        return before.through((-(-h // ho), -(-w // wo)), (max(1, h // ho), max(1, w // wo)))
    if node.kind in ("flatten", "Flatten"):  # what reads it reads all of it
        shape = graph[node.inputs[0]].shape
        return before.through((shape[1], shape[2])) if len(shape) == 3 else before
    return before
