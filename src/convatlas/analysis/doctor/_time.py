"""How long each layer takes, predicted by a roofline.

seconds = max(operations / rate, bytes / bandwidth) + overhead, of one image as float32.

Operations are the multiply-adds of weighted layers, the windows' pixels of poolings and response
norms; everything else only moves data. Bytes are what the layer reads and writes, its weights
included. The rate is the machine's for that kind of work. A layer that writes over its input finds
it in the cache. Views take no time. The machine runs one operation at a time.

Source: Williams, Waterman and Patterson, Communications of the ACM 52(4), 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from torch import nn

from convatlas.analysis._cost import CostRow
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair
from convatlas.analysis.doctor._machine import Machine, Work
from convatlas.layers import SparseConv2d, SubSample

BYTES = 4  # of a float32

Bound = Literal["computing", "memory", "overhead", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """Predicted seconds of one layer for one image, and what they are spent on."""

    name: str
    kind: str
    seconds: float
    compute_s: float
    memory_s: float
    bound: Bound


def layer_times(graph: Graph, rows: Sequence[CostRow], machine: Machine) -> tuple[LayerTime, ...]:
    """A row per layer, in running order."""
    return tuple(_layer_time(graph[row.name], row, machine) for row in rows)


def seconds(machine: Machine, *, compute_s: float, memory_bytes: float) -> float:
    """Of one operation: the longer of both, and the call itself."""
    return max(compute_s, memory_bytes / machine.bandwidth) + machine.overhead_s


def _layer_time(node: Node, row: CostRow, machine: Machine) -> LayerTime:
    if not row.activations:  # a view
        return LayerTime(
            name=row.name, kind=row.label, seconds=0.0, compute_s=0.0, memory_s=0.0, bound="nothing"
        )
    bandwidth = machine.cache_bandwidth if row.in_place else machine.bandwidth
    compute_s = _operations(node, row) / machine.rate(_work(node))
    memory_s = BYTES * row.memory_access / bandwidth
    longer = max(compute_s, memory_s)
    bound: Bound = "computing" if compute_s >= memory_s else "memory"
    return LayerTime(
        name=row.name,
        kind=row.label,
        seconds=longer + machine.overhead_s,
        compute_s=compute_s,
        memory_s=memory_s,
        bound=bound if longer > machine.overhead_s else "overhead",
    )


def _work(node: Node) -> Work | None:
    layer: Any = node.module
    if isinstance(layer, nn.MaxPool2d):
        return "max pool"
    if isinstance(layer, nn.AvgPool2d | SubSample):
        return "average pool"
    if isinstance(layer, nn.LocalResponseNorm):
        return "response norm"
    if isinstance(layer, SparseConv2d):
        return "grouped"
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return "depthwise" if layer.groups == layer.in_channels else "grouped"
    return None


def _operations(node: Node, row: CostRow) -> int:
    layer: Any = node.module
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d | SubSample):
        return prod(node.shape) * prod(pair(layer.kernel_size))
    if isinstance(layer, nn.LocalResponseNorm):
        return prod(node.shape) * (layer.size + 2)
    return row.mult_adds
