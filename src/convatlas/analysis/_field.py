"""How much of the image an output element depends on, and where that lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair, window_padding
from convatlas.layers import SparseConv2d, SubSample, ZeroPadShortcut

_Sides = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The pixels that an element of a feature map depends on: (vertical, horizontal) pairs.

    Element i sees the `size` pixels whose middle is at `offset` + i `stride`, counted from the
    middle of the first pixel. Not cut at the image's border, so it may exceed the image.
    """

    size: _Sides = (1, 1)
    stride: _Sides = (1, 1)
    offset: tuple[float, float] = (0.0, 0.0)

    def through(
        self, kernel: _Sides, stride: _Sides = (1, 1), padding: _Sides = (0, 0)
    ) -> "ReceptiveField":
        """The field behind a window."""
        (h, w), (jh, jw), (oh, ow) = self.size, self.stride, self.offset
        size = (h + (kernel[0] - 1) * jh, w + (kernel[1] - 1) * jw)
        offset = (
            oh + ((kernel[0] - 1) / 2 - padding[0]) * jh,
            ow + ((kernel[1] - 1) / 2 - padding[1]) * jw,
        )
        return ReceptiveField(size, (jh * stride[0], jw * stride[1]), offset)


def receptive_fields(graph: Graph) -> dict[str, ReceptiveField]:
    """Per node, the field of the widest of the paths that lead to it."""
    fields: dict[str, ReceptiveField] = {}
    for node in graph.nodes:
        before = _widest([fields[name] for name in node.inputs])
        fields[node.name] = _behind(graph, node, before)
    return fields


def _widest(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    if len(fields) < 2:
        return fields[0] if fields else ReceptiveField()
    widest = max(fields, key=lambda field: field.size)
    size = max(f.size[0] for f in fields), max(f.size[1] for f in fields)
    stride = max(f.stride[0] for f in fields), max(f.stride[1] for f in fields)
    return ReceptiveField(size, stride, widest.offset)


def _behind(graph: Graph, node: Node, before: ReceptiveField) -> ReceptiveField:
    layer: Any = node.module
    if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        (kh, kw), (dh, dw) = pair(layer.kernel_size), pair(layer.dilation)
        window = (dh * (kh - 1) + 1, dw * (kw - 1) + 1)
        return before.through(window, pair(layer.stride), window_padding(layer))
    if isinstance(layer, nn.AvgPool2d):
        return before.through(pair(layer.kernel_size), pair(layer.stride), pair(layer.padding))
    if isinstance(layer, SparseConv2d):
        return before.through(pair(layer.kernel_size), pair(layer.stride), window_padding(layer))
    if isinstance(layer, SubSample):
        return before.through(pair(layer.kernel_size), pair(layer.stride))
    if isinstance(layer, ZeroPadShortcut):
        return before.through((1, 1), pair(layer.stride))
    if isinstance(layer, nn.ZeroPad2d):
        left, _, top, _ = layer.padding
        return before.through((1, 1), (1, 1), (top, left))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        (h, w), (ho, wo) = graph[node.inputs[0]].shape[1:], node.shape[1:]
        return before.through((-(-h // ho), -(-w // wo)), (max(1, h // ho), max(1, w // wo)))
    if node.kind in ("flatten", "Flatten"):  # what reads it reads all of it
        shape = graph[node.inputs[0]].shape
        return before.through((shape[1], shape[2])) if len(shape) == 3 else before
    return before
