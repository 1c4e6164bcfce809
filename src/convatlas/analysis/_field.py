"""Where on the image the elements of a map look: receptive fields and the grid they form."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._elsewhere import REDUCTIONS
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair, window_padding
from convatlas.layers import SparseConv2d, SubSample, ZeroPadShortcut

Sides = tuple[int, int]  # down, across


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGrid:
    """The pixels that the cells of a map see.

    The cell in row i sees the rows from `offset` + i * `stride`, `size` of them; columns likewise.
    Padding makes the offset negative: the first cells look beyond the image. The gates of a
    squeeze-and-excitation block depend on the whole image; they are not counted.
    """

    size: Sides = (1, 1)
    stride: Sides = (1, 1)
    offset: Sides = (0, 0)

    def behind(
        self, window: Sides, *, stride: Sides = (1, 1), padding: Sides = (0, 0)
    ) -> "FieldGrid":
        """The grid of the outputs of a window that slides over this map."""
        (h, w), (down, across), (top, left) = self.size, self.stride, self.offset
        return FieldGrid(
            size=(h + (window[0] - 1) * down, w + (window[1] - 1) * across),
            stride=(down * stride[0], across * stride[1]),
            offset=(top - padding[0] * down, left - padding[1] * across),
        )

    def centres(self, shape: Sides) -> tuple[list[float], list[float]]:
        """The middle of the field of every row and of every column of a map of `shape`.

        In pixels; 0 is the middle of the first.
        """
        down, across = (
            [offset + (size - 1) / 2 + i * stride for i in range(cells)]
            for size, stride, offset, cells in zip(
                self.size, self.stride, self.offset, shape, strict=True
            )
        )
        return down, across


def field_grids(graph: Graph) -> dict[str, FieldGrid]:
    """The grid of every node; of a vector that is made of a whole map, one cell that sees it all.

    Not cut at the image's border, so a field may exceed the image.
    """
    found: dict[str, FieldGrid] = {graph.input.name: FieldGrid()}
    for node in graph.nodes[1:]:
        before = _union([found[source.name] for source in _seeing(graph, node)])
        found[node.name] = _behind(graph, node, before)
    return found


def _seeing(graph: Graph, node: Node) -> list[Node]:
    """The inputs of a node but the gates, which are one cell where others are maps."""
    inputs = [graph[name] for name in node.inputs]
    maps = [source for source in inputs if source.shape[1:] != (1, 1)]
    return maps if maps and len(inputs) > 1 else inputs


def _union(grids: Sequence[FieldGrid]) -> FieldGrid:
    """What is seen by one of the maps that are added or joined cell by cell."""
    first = grids[0]
    if len(grids) == 1:
        return first
    ends = [[offset + size for offset, size in zip(g.offset, g.size, strict=True)] for g in grids]
    top, left = (min(g.offset[side] for g in grids) for side in (0, 1))
    bottom, right = (max(end[side] for end in ends) for side in (0, 1))
    return FieldGrid(size=(bottom - top, right - left), stride=first.stride, offset=(top, left))


def _behind(graph: Graph, node: Node, before: FieldGrid) -> FieldGrid:
    layer: Any = node.module
    if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        (kh, kw), (dh, dw) = pair(layer.kernel_size), pair(layer.dilation)
        window = (dh * (kh - 1) + 1, dw * (kw - 1) + 1)
        return before.behind(window, stride=pair(layer.stride), padding=window_padding(layer))
    if isinstance(layer, nn.AvgPool2d):
        return before.behind(
            pair(layer.kernel_size), stride=pair(layer.stride), padding=pair(layer.padding)
        )
    if isinstance(layer, SparseConv2d | SubSample):
        return before.behind(pair(layer.kernel_size), stride=pair(layer.stride))
    if isinstance(layer, ZeroPadShortcut):
        return before.behind((1, 1), stride=pair(layer.stride))
    if isinstance(layer, nn.ZeroPad2d):
        left, _, top, _ = layer.padding
        return before.behind((1, 1), padding=(top, left))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        (h, w), (rows, columns) = graph[node.inputs[0]].shape[1:], node.shape[1:]
        window = (-(-h // rows), -(-w // columns))
        return before.behind(window, stride=(max(1, h // rows), max(1, w // columns)))
    if _mixes_all(graph, node, before):
        seen = zip(before.size, graph.input.shape[1:], strict=True)
        whole = all(size >= side for size, side in seen)
        return before if whole else before.behind(_room(graph, before))
    if _gathers(graph[node.inputs[0]], node):
        return before.behind(_cells(graph, node, before))
    return before


_OF_ALL = frozenset(n for n in REDUCTIONS if "pool" not in n or n.startswith("adaptive"))


def _gathers(source: Node, node: Node) -> bool:
    """Whether a whole map goes into what `node` gives, as when it is flattened or averaged."""
    if len(source.shape) != 3 or source.shape[1:] == node.shape[-2:]:
        return False
    if node.kind in ("flatten", "Flatten"):  # what reads it reads all of it
        return True
    return node.kind in _OF_ALL or (node.kind in ("view", "reshape") and len(node.shape) == 1)


def _mixes_all(graph: Graph, node: Node, before: FieldGrid) -> bool:
    """Whether it is the attention of every cell of a map to every other.

    Attention within windows has fewer tokens than the map has cells, and is left as it is.
    """
    tokens = max(graph[node.inputs[0]].shape, default=0)
    products = node.kind in _PRODUCTS and len(set(node.inputs)) > 1
    return (products or node.kind in _ATTENTION) and tokens >= prod(_room(graph, before))


_PRODUCTS = frozenset({"matmul", "bmm", "baddbmm", "einsum"})
_ATTENTION = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})


def _cells(graph: Graph, node: Node, before: FieldGrid) -> Sides:
    """Rows and columns of the map that `node` gathers; not more than the image has room for.

    A map may lie pixel by pixel, channels last, and then its last side is no side of it.
    """
    rows, columns = graph[node.inputs[0]].shape[1:]
    if node.kind in ("flatten", "Flatten"):
        return rows, columns
    room = _room(graph, before)
    return min(rows, room[0]), min(columns, room[1])


def _room(graph: Graph, grid: FieldGrid) -> Sides:
    """Rows and columns of a map of that grid that the image has room for."""
    down, across = (
        -(-side // step) for side, step in zip(graph.input.shape[1:], grid.stride, strict=True)
    )
    return down, across
