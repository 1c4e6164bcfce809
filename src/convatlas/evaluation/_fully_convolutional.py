"""A classifier slid over larger images: the logits of every position from one forward."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.analysis import FieldGrid, Graph, Node, Sides, field_grids, pair, trace
from convatlas.errors import UserError
from convatlas.evaluation._graph_runner import Call, GraphRunner

Pooling = Literal["window", "cells"]
_LINEAR = frozenset(  # each keeps the mean over cells
    {"Linear", "Conv2d", "LearnedGroupConv", "SelectChannels", "Scale"}
    | {"Flatten", "flatten", "Dropout", "SampleDrop", "Identity"}
)


def to_fully_convolutional(
    net: nn.Module, shape: tuple[int, int, int], *, pooling: Pooling = "window"
) -> "FullyConvolutional":
    """`net` as a function from images of its native size or larger to a map of logits.

    The layers of `net` run as they are, with its own modules and weights; it is not changed. Only
    two things are replaced: the flattening of a map of r x c cells, with the linear layer behind
    it, becomes a convolution of r x c; and the last global pooling, of r x c cells, becomes,
    with `pooling`:

    - "window": a pooling of r x c cells at stride 1. The map has one cell for every position of
      the native image; at the native size its only cell is the net's output.
    - "cells": nothing. The map is as fine as the last feature map, and its mean is the net's
      output for the whole image. Only where everything behind the pooling is linear.

    A cell is what the net says of the pixels below it, but for the padding inside: of the crop
    alone the net would see zeros where this one sees the image. Gates of squeeze-and-excitation
    see the whole image.

    Args:
        shape: channels, height, width of the images that `net` was made for.

    Raises:
        UserError: naming the layer that cannot slide over a larger image.

    Source: Sermanet et al., ICLR 2014 (arXiv:1312.6229), Sec. 3.5; Simonyan and Zisserman, ICLR
    2015 (arXiv:1409.1556), Sec. 3.2; "cells": Zhou et al., CVPR 2016 (arXiv:1512.04150), Sec. 2.
    """
    return FullyConvolutional(net, trace(net, shape), pooling)


class FullyConvolutional(nn.Module):
    """What `to_fully_convolutional` makes. It runs in the mode that the net is in.

    Attributes:
        native: height and width that the net was made for.
        grid: the pixels that every cell of the map sees.
        layers: the nodes that everything passes through before the classifier, in order: the
            input first, last what the classifier slides over.
    """

    def __init__(self, net: nn.Module, graph: Graph, pooling: Pooling) -> None:
        super().__init__()
        self.train(net.training)
        self.net = net
        self.pooling = pooling
        self.native: Sides = (graph.input.shape[1], graph.input.shape[2])
        self._graph = graph
        self._output = graph.output
        path = spine(graph)
        self._flatten = _flattening(path)
        pool = next((node for node in reversed(path) if _is_global_pool(graph, node)), None)
        if pooling == "cells":
            _check_linear(path, pool)
        self._grids = field_grids(graph)
        replaced = dict(_replaced(graph, pool, pooling))
        self._runner = GraphRunner(net, graph, replaced=replaced, local=_local(graph))
        head = pool or self._flatten
        before = graph[head.inputs[0]]
        self.layers: tuple[Node, ...] = tuple(path[: path.index(before) + 1])
        self._window = _map_sides(graph[self._flatten.inputs[0]])
        self.grid = self.grid_of(before).behind(self._window)
        if pool is not None and pooling == "window":
            self.grid = self.grid.behind(_map_sides(before))

    def grid_of(self, layer: Node) -> FieldGrid:
        """The pixels that every cell of the output of `layer` sees."""
        return self._grids[layer.name]

    def fitting(self, height: int, width: int) -> Sides:
        """The largest size up to this one at which all branches fit: native + i * stride."""
        (rows, columns), (down, across) = self.native, self.grid.stride
        return height - (height - rows) % down, width - (width - columns) % across

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h2 w2"]:
        """The logits at every position.

        Raises:
            UserError: for images smaller than the native size.
            MapsDiffer: for sizes at which branches that are added or joined do not fit;
                `fitting` gives one at which they do.
        """
        return self.classify(self.features(images))

    def features(
        self, images: Float[Tensor, "n c h w"], layer: Node | None = None
    ) -> Float[Tensor, "n c2 h2 w2"]:
        """The output of `layer`, one of `layers`; of the last if None.

        Raises:
            UserError: as `forward`.
        """
        height, width = images.shape[2:]
        if height < self.native[0] or width < self.native[1]:
            raise UserError(
                f"Images of {height} x {width} pixels are smaller than the net's "
                f"{self.native[0]} x {self.native[1]}. Enlarge them first."
            )
        target = layer or self.layers[-1]
        return self._runner.run(images, self._graph.input.name, target.name)

    def classify(
        self, features: Float[Tensor, "n c h w"], layer: Node | None = None
    ) -> Float[Tensor, "n k h2 w2"]:
        """The map of logits from the output of `layer`, as `features` gave it."""
        source = layer or self.layers[-1]
        maps = self._runner.run(features, source.name, self._flatten.inputs[0])
        rows, columns = self._window
        windows = maps.unfold(2, rows, 1).unfold(3, columns, 1)  # n c h2 w2 rows columns
        n, _, height, width = windows.shape[:4]
        flat = windows.permute(0, 2, 3, 1, 4, 5).reshape(n * height * width, -1)
        logits = self._runner.run(flat, self._flatten.name, self._output)
        return logits.view(n, height, width, -1).permute(0, 3, 1, 2)


def spine(graph: Graph) -> list[Node]:
    """The nodes that every path from the input to the output leads through, in order."""
    through: dict[str, list[str]] = {graph.input.name: [graph.input.name]}
    for node in graph.nodes[1:]:
        first, *others = (through[name] for name in node.inputs)
        common = set(first).intersection(*others)
        through[node.name] = [*(name for name in first if name in common), node.name]
    return [graph[name] for name in through[graph.output]]


def _flattening(path: list[Node]) -> Node:
    before = path[0]
    for node in path[1:]:
        if len(node.shape) == 1:
            if len(before.shape) == 3 and node.kind.lower() == "flatten":
                return node
            raise UserError(
                f"{node.name!r} ({node.kind}) joins parts that were flattened before, so the net "
                "cannot become fully convolutional. Join feature maps, then flatten them once."
            )
        before = node
    raise UserError("The net's output is a map already: it has no classifier to slide.")


def _is_global_pool(graph: Graph, node: Node) -> bool:
    """Whether it averages a whole map."""
    if node.shape[1:] != (1, 1) or not isinstance(node.module, nn.AdaptiveAvgPool2d | nn.AvgPool2d):
        return False
    layer: Any = node.module
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return True
    return pair(layer.kernel_size) == _map_sides(graph[node.inputs[0]]) and not layer.padding


def _check_linear(path: list[Node], pool: Node | None) -> None:
    if pool is None:
        raise UserError(
            "The net has no global pooling: its linear layers read whole maps, so single cells "
            "have no logits."
        )
    for node in path[path.index(pool) + 1 :]:
        if node.kind not in _LINEAR:
            raise UserError(
                f"{node.name!r} ({node.kind}), behind the global pooling, is not linear, so the "
                "logits are no mean over cells."
            )


def _replaced(graph: Graph, pool: Node | None, pooling: Pooling) -> Iterator[tuple[str, Call]]:
    """By name, what runs instead of poolings whose window depends on the size of the image."""
    if pool is not None:
        window = _map_sides(graph[pool.inputs[0]])
        slid = partial(F.avg_pool2d, kernel_size=window, stride=1)
        yield pool.name, slid if pooling == "window" else nn.Identity()
    for node in graph.nodes:
        if isinstance(node.module, nn.AdaptiveAvgPool2d) and node.shape[1:] != (1, 1):
            yield node.name, _fixed_pool(node, _map_sides(graph[node.inputs[0]]))


def _fixed_pool(node: Node, sides: Sides) -> Call:
    (h, w), (rows, columns) = sides, _map_sides(node)
    if h % rows or w % columns:
        raise UserError(
            f"{node.name!r} ({node.kind}) makes {rows} x {columns} cells of {h} x {w}, by windows "
            "of several sizes, so the net cannot become fully convolutional."
        )
    return partial(F.avg_pool2d, kernel_size=(h // rows, w // columns))


def _local(graph: Graph) -> frozenset[str]:
    """The maps that are not computed from the whole image at once."""
    found = {graph.input.name}
    for node in graph.nodes[1:]:
        whole = isinstance(node.module, nn.AdaptiveAvgPool2d) and node.shape[1:] == (1, 1)
        if len(node.shape) == 3 and not whole and not found.isdisjoint(node.inputs):
            found.add(node.name)
    return frozenset(found)


def _map_sides(node: Node) -> Sides:
    return node.shape[1], node.shape[2]
