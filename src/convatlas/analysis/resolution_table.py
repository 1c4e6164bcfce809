"""The largest tensor at each resolution, and the largest that must exist as a whole.

Paper: Sandler et al., CVPR 2018 (arXiv:1801.04381), Table 3 and Sec. 5.1.
Departs from the paper: rows are counted on the net. The printed ones of MobileNet v2 give the
output channels of a sequence at the resolution that the sequence reads, and those of ShuffleNet
"2x, g=3" are the channels of g=2.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._counting import VIEWS
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._kinds import POINTWISE
from convatlas.analysis._trace import trace
from convatlas.layers import ChannelShuffle, SelectChannels

_PER_CHANNEL = (
    *POINTWISE,
    nn.ZeroPad2d,
    ChannelShuffle,
    SelectChannels,
)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionRow:
    """One resolution: its largest tensor, and the largest that has to exist as a whole.

    `kept_*` leave out what lies inside a block that can be computed channel by channel; they are
    "", 0 and 0 where nothing else has this resolution.
    """

    height: int
    width: int
    layer: str
    channels: int
    memory_bytes: int
    kept_layer: str
    kept_channels: int
    kept_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def resolution_table(
    graph_or_net: Graph | nn.Module, shape: tuple[int, int, int], *, element_bytes: int = 2
) -> tuple[ResolutionRow, ...]:
    """A row per resolution, the highest first, for one image of `shape`; vectors count as 1x1.

    The image itself is left out, and the logits.

    Args:
        element_bytes: of an activation; the paper takes 2 (16-bit floats).
    """
    graph = graph_or_net if isinstance(graph_or_net, Graph) else trace(graph_or_net, shape)
    inside = disposable(graph)
    by_side: dict[tuple[int, int], list[Node]] = {}
    for node in graph.nodes[1:]:
        if node.kind not in VIEWS and node.name != graph.output:
            side = (node.shape[1], node.shape[2]) if len(node.shape) == 3 else (1, 1)
            by_side.setdefault(side, []).append(node)
    return tuple(
        _row(side, by_side[side], inside, element_bytes)
        for side in sorted(by_side, key=prod, reverse=True)
    )


def disposable(graph: Graph) -> frozenset[str]:
    """Tensors of which one channel at a time is enough.

    They lie between two convolutions that mix channels, of which the second is 1x1, behind the
    first and a depthwise one, with nothing but per-channel steps between; or between a convolution
    and a pooling. A convolution that ends one such block begins none: its output is kept.
    """
    found: set[str] = set()
    ends: set[str] = set()
    for node in graph.nodes:
        if _mixes(node) and node.name not in ends:
            inner, end = _block(graph, node)
            found.update(inner)
            if end:
                ends.add(end)
    return frozenset(found)


def _block(graph: Graph, start: Node) -> tuple[list[str], str]:
    """What lies inside the block that `start` begins, and the layer that ends it; or [] and ""."""
    inner, filtered = [start.name], False
    for node in _only_readers(graph, start):
        if isinstance(node.module, _POOLS) and node.shape[1:] != graph[node.inputs[0]].shape[1:]:
            return inner, node.name
        if _mixes(node):
            pointwise = prod(_kernel(node)) == 1
            return (inner, node.name) if filtered and pointwise else ([], "")
        depthwise = isinstance(node.module, nn.Conv2d)
        if not depthwise and not isinstance(node.module, _PER_CHANNEL):
            return [], ""
        filtered = filtered or depthwise
        inner.append(node.name)
    return [], ""


def _only_readers(graph: Graph, node: Node) -> Iterator[Node]:
    """The node that alone reads `node`, the one that alone reads that, and so on."""
    while len(readers := graph.consumers[node.name]) == 1 and node.name != graph.output:
        node = readers[0]
        yield node


def _mixes(node: Node) -> bool:
    """Whether `node` is a convolution whose outputs see more than one channel."""
    layer = node.module
    return isinstance(layer, nn.Conv2d) and layer.groups < layer.in_channels


def _kernel(node: Node) -> tuple[int, ...]:
    layer: Any = node.module
    return tuple(layer.weight.shape[2:])


def _row(
    side: tuple[int, int], nodes: list[Node], inside: frozenset[str], element_bytes: int
) -> ResolutionRow:
    largest = max(nodes, key=lambda node: node.shape[0])
    kept = max((n for n in nodes if n.name not in inside), key=lambda n: n.shape[0], default=None)
    return ResolutionRow(
        height=side[0],
        width=side[1],
        layer=largest.name,
        channels=largest.shape[0],
        memory_bytes=element_bytes * prod(largest.shape),
        kept_layer="" if kept is None else kept.name,
        kept_channels=0 if kept is None else kept.shape[0],
        kept_bytes=0 if kept is None else element_bytes * prod(kept.shape),
    )
