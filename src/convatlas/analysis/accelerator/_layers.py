"""A net as the accelerator sees it: convolutions, other passes over features, and what they read.

Batch norm, activation functions, scaling and the like change no shape and read one tensor: they
are part of the layer before. Flattening, joining, splitting and shuffling move nothing. A linear
layer is a 1x1 convolution.
"""

from dataclasses import dataclass
from math import prod

from torch import nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair
from convatlas.layers import LearnedGroupConv, RadialBasis, SparseConv2d, SubSample

_CONVOLUTIONS = (nn.Conv2d, SparseConv2d, LearnedGroupConv)
_MOVES = frozenset(
    {
        "cat",
        "chunk",
        "split",
        "getitem",
        "flatten",
        "Flatten",
        "view",
        "reshape",
        "pad",
        "ChannelShuffle",
        "JoinShuffle",
        "SelectChannels",
        "ZeroPad2d",
        "ZeroPadShortcut",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """The loops of one convolution; channels are those of one group."""

    groups: int
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    out_side: tuple[int, int]

    @property
    def window(self) -> int:
        """Kernel positions."""
        return prod(self.kernel)

    @property
    def pixels(self) -> int:
        """Output pixels of a channel."""
        return prod(self.out_side)

    @property
    def weights(self) -> int:
        """Words of weights, without bias."""
        return self.groups * self.in_channels * self.out_channels * self.window

    @property
    def mult_adds(self) -> int:
        """Every one of the dense loops."""
        return self.weights * self.pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One pass through the array (`convolution`) or beside it (None)."""

    name: str
    reads: tuple[tuple[str, int], ...]  # the layer that wrote a tensor, and how many words of it
    words: int  # written
    convolution: Convolution | None


def unmapped(graph: Graph) -> tuple[str, ...]:
    """Nodes with weights, or of an unknown kind, that the model has no loops for."""
    return tuple(
        node.name
        for node in graph.nodes[1:]
        if not node.known or (_has_weights(node) and _convolution(node) is None)
    )


def layers(graph: Graph) -> tuple[Layer, ...]:
    """The layers in running order, after the input's."""
    sources: dict[str, tuple[tuple[str, int], ...]] = {}
    found = []
    for node in graph.nodes:
        reads = tuple(piece for name in node.inputs for piece in sources[name])
        convolution = _convolution(node)
        if convolution is None and node.inputs and not _works(graph, node):
            sources[node.name] = _share(reads, prod(node.shape))
            continue
        words = prod(node.shape)
        sources[node.name] = ((node.name, words),)
        if node.inputs:
            found.append(Layer(name=node.name, reads=reads, words=words, convolution=convolution))
    return tuple(found)


def _share(reads: tuple[tuple[str, int], ...], words: int) -> tuple[tuple[str, int], ...]:
    """A part of a tensor that was split: each piece in proportion."""
    total = sum(n for _, n in reads)
    if words >= total:
        return reads
    return tuple((name, max(1, round(n * words / total))) for name, n in reads)


def _works(graph: Graph, node: Node) -> bool:
    """Whether a layer without weights takes a pass of its own."""
    view = node.owner != node.name and not node.in_place
    if view or node.kind in _MOVES:
        return False
    if len(node.inputs) > 1 or isinstance(node.module, SubSample) or "pool" in node.kind.lower():
        return True
    return prod(node.shape) != prod(graph[node.inputs[0]].shape)


def _has_weights(node: Node) -> bool:
    return any(parameter.dim() > 1 for parameter in node.parameters)


def _convolution(node: Node) -> Convolution | None:
    layer = node.module
    if isinstance(layer, RadialBasis):
        classes, features = layer.centres.shape
        return _matrix(features, classes, 1)
    if isinstance(layer, nn.Linear):
        return _matrix(layer.in_features, layer.out_features, prod(node.shape[:-1]))
    if not isinstance(layer, _CONVOLUTIONS):
        return None
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return Convolution(
        groups=groups,
        in_channels=layer.in_channels // groups,
        out_channels=layer.out_channels // groups,
        kernel=pair(layer.kernel_size),
        stride=pair(layer.stride),
        dilation=pair(getattr(layer, "dilation", 1)),
        out_side=(node.shape[1], node.shape[2]),
    )


def _matrix(in_features: int, out_features: int, rows: int) -> Convolution:
    return Convolution(
        groups=1,
        in_channels=in_features,
        out_channels=out_features,
        kernel=(1, 1),
        stride=(1, 1),
        dilation=(1, 1),
        out_side=(1, rows),
    )
