"""Memory access beside its lower bound: the four guidelines of ShuffleNet v2, counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

from torch import nn

from convatlas.analysis._cost import CostRow, cost_rows
from convatlas.analysis._counting import ELEMENTWISE
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair
from convatlas.analysis._trace import trace

_JOINING = frozenset({"add", "sub", "mul"})
_OPERATORS = frozenset({"Conv2d", "MaxPool2d", "AvgPool2d"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """A convolution: what it reads and writes, and the least that its mult-adds allow.

    Guideline 1: `access` equals `bound` where both ends of a layer hold equally much, and exceeds
    it otherwise. Guideline 2: groups at equal mult-adds need wider ends, so `bound` exceeds
    `dense_bound`, the least of a convolution without groups.
    """

    name: str
    groups: int
    mult_adds: int
    access: int  # elements: input, output and weights
    bound: float
    dense_bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReport:
    """A net by the four guidelines.

    `fragments`: convolutions and poolings (guideline 3), `chain`: how many of them lie one after
    the other on the longest path; their ratio is how much waits side by side. `elementwise_share`:
    part of all memory access by activations, norms, additions and the like, `depthwise_share` by
    depthwise convolutions, which the paper counts with them (guideline 4).
    """

    rows: tuple[AccessRow, ...]
    access: int  # of the whole net
    fragments: int
    chain: int
    elementwise_share: float
    depthwise_share: float


def access_report(net: nn.Module, shape: tuple[int, int, int]) -> AccessReport:
    """Memory access of `net` for one image of `shape` (channels, height, width).

    Source: Ma et al., ECCV 2018 (arXiv:1807.11164), Sec. 2.
    """
    graph = trace(net, shape)
    costs = cost_rows(graph, "conv+linear")
    convolutions = [row for row in costs if isinstance(graph[row.name].module, nn.Conv2d)]
    total = sum(row.memory_access for row in costs)
    elementwise = sum(r.memory_access for r in costs if r.kind in ELEMENTWISE | _JOINING)
    depthwise = sum(r.memory_access for r in convolutions if _depthwise(graph[r.name]))
    return AccessReport(
        rows=access_rows(graph, convolutions),
        access=total,
        fragments=sum(node.kind in _OPERATORS for node in graph.nodes),
        chain=_longest_chain(graph),
        elementwise_share=elementwise / total,
        depthwise_share=depthwise / total,
    )


def access_rows(graph: Graph, convolutions: Iterable[CostRow]) -> tuple[AccessRow, ...]:
    """Memory access of convolutions beside its bound."""
    return tuple(_row(graph, row) for row in convolutions)


def _row(graph: Graph, row: CostRow) -> AccessRow:
    """The least access with as many mult-adds.

    They fix the product of what both ends hold; its sum is least when the two are equal.
    """
    layer: Any = graph[row.name].module
    window, outside = prod(pair(layer.kernel_size)), prod(row.out_shape[1:])
    inside = prod(row.in_shape[1:])
    weights = row.mult_adds / outside
    ends = inside * row.mult_adds / window
    return AccessRow(
        name=row.name,
        groups=layer.groups,
        mult_adds=row.mult_adds,
        access=prod(row.in_shape) + prod(row.out_shape) + layer.weight.numel(),
        bound=2 * sqrt(ends * layer.groups) + weights,
        dense_bound=2 * sqrt(ends) + weights,
    )


def _depthwise(node: Node) -> bool:
    layer: Any = node.module
    return layer.groups > 1 and layer.groups == layer.in_channels


def _longest_chain(graph: Graph) -> int:
    depth: dict[str, int] = {}
    for node in graph.nodes:
        before = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = before + (node.kind in _OPERATORS)
    return max(depth.values())
