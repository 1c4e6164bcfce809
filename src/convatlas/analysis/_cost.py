"""What a net costs, computed without running it."""

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._counting import CONVENTIONS, VIEWS, operations
from convatlas.analysis._field import receptive_fields
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._liveness import peak_elements
from convatlas.analysis._parts import aux_parameters, own_parameters
from convatlas.analysis._trace import trace
from convatlas.errors import UserError
from convatlas.facts import Convention

_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One layer or operation; shapes without the batch, counts for one image."""

    name: str
    kind: str
    in_shape: Shape  # of the first input
    out_shape: Shape
    params: int  # 0 where a module runs again: its parameters exist once
    mult_adds: int
    activations: int  # elements written
    memory_access: int  # elements read and written, parameters included
    receptive_field: int  # side in pixels, cumulative


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """A row per layer in running order, and totals.

    `mult_adds` follow `convention`. `activations` are all elements that layers write.
    Auxiliary heads, which only training runs, are left out of everything but `aux_params`.
    `weight_bytes` are the parameters as float32. `peak_memory_bytes` are the weights and the
    largest sum of activations that exist together, as float32 at batch 1 (`peak_elements` says by
    which model).
    """

    rows: tuple[CostRow, ...]
    params: int
    aux_params: int
    mult_adds: int
    activations: int
    memory_access: int
    weight_bytes: int
    peak_memory_bytes: int
    convention: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def cost(
    net: nn.Module, shape: tuple[int, int, int], *, convention: Convention = "conv+linear"
) -> CostReport:
    """What `net` costs for one image of `shape` (channels, height, width).

    Nothing is run; `net` may live on the meta device.

    Raises:
        UserError: naming the layer, for one without a shape rule or one that `shape` does not fit.
    """
    if convention not in CONVENTIONS:
        raise UserError(f"convention={convention!r} is unknown. Use {', '.join(CONVENTIONS)}.")
    graph = trace(net, shape)
    rows = cost_rows(graph, convention)
    params = sum(p.numel() for p in own_parameters(net))
    weight_bytes = _FLOAT32_BYTES * params
    return CostReport(
        rows=rows,
        params=params,
        aux_params=sum(p.numel() for p in aux_parameters(net)),
        mult_adds=sum(row.mult_adds for row in rows),
        activations=sum(row.activations for row in rows),
        memory_access=sum(row.memory_access for row in rows),
        weight_bytes=weight_bytes,
        peak_memory_bytes=weight_bytes + _FLOAT32_BYTES * peak_elements(graph),
        convention=CONVENTIONS[convention],
    )


def cost_rows(graph: Graph, convention: Convention) -> tuple[CostRow, ...]:
    """A row per node but the input."""
    fields = receptive_fields(graph)
    counted: set[int] = set()
    return tuple(
        _row(graph, node, convention, fields[node.name], counted) for node in graph.nodes[1:]
    )


def _row(
    graph: Graph, node: Node, convention: Convention, field: int, counted: set[int]
) -> CostRow:
    own = [] if node.module is None else list(node.module.parameters())
    weights = sum(p.numel() for p in own)
    new = [p for p in own if id(p) not in counted]
    counted.update(map(id, new))
    inputs = [graph[name].shape for name in node.inputs]
    view = node.kind in VIEWS
    written = 0 if view else prod(node.shape)
    read = 0 if view else sum(prod(shape) for shape in inputs) + weights
    return CostRow(
        name=node.name,
        kind=node.kind,
        in_shape=inputs[0],
        out_shape=node.shape,
        params=sum(p.numel() for p in new),
        mult_adds=operations(graph, node, convention),
        activations=written,
        memory_access=read + written,
        receptive_field=field,
    )
