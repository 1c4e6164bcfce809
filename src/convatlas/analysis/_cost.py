"""What a net costs, computed without running it."""

from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal, get_args

from torch import nn

from convatlas.analysis._counting import (
    CONVENTIONS,
    WEIGHTED,
    mult_adds,
    operations,
    other_operations,
)
from convatlas.analysis._field import FieldGrid, field_grids
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._kinds import layer_kind
from convatlas.analysis._liveness import eager_peak, planned_peak
from convatlas.analysis._parts import part_of
from convatlas.analysis._trace import trace
from convatlas.errors import UserError
from convatlas.facts import Convention

DType = Literal["float32", "float16", "bfloat16", "float64", "int8"]
ITEM_BYTES: dict[str, int] = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8, "int8": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One layer or operation; shapes without the batch, counts for one image."""

    name: str
    kind: str
    label: str  # "depthwise 3x3", "1x1", "linear", "batch norm", else the kind
    stage: str  # "stem", "stages.conv2", "classifier"; "" between them
    in_shape: Shape  # of the first input
    out_shape: Shape
    params: int  # 0 where a module runs again: its parameters exist once
    mult_adds: int  # by the report's convention
    operations: int  # multiplications and additions one by one, and `other_operations`
    other_operations: int  # bias, batch norm, activation, pooling, joins: "all operators"
    activations: int  # elements written
    weight_elements: int  # parameters read, by every call
    read_elements: int  # of features
    receptive_field: int  # side in pixels, cumulative; not cut at the border
    field_stride: int  # pixels between the fields of neighbouring elements
    field_offset: float  # middle of the first element's field, from the first pixel's middle
    in_place: bool
    known: bool  # False: an operation of which nothing is known; it counts as nothing

    @property
    def memory_access(self) -> int:
        """Elements read and written, parameters included."""
        return self.read_elements + self.activations + self.weight_elements


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """A row per layer in running order, and totals.

    Counts are for one image: `mult_adds` by `convention`, `activations` all elements that layers
    write. Bytes are for `batch` images of `dtype`: `weight_bytes`, what is read and written
    (`memory_access_bytes`: weights once per batch), and two peaks, both with the weights.
    `peak_memory_bytes` is torch's eager mode, where a tensor lives as long as a variable names it;
    `planned_memory_bytes` a runtime that plans its memory, as ONNX Runtime does.
    Parameters that inference does not read (auxiliary heads) are counted in `aux_params` only.
    """

    rows: tuple[CostRow, ...]
    shape: Shape
    batch: int
    dtype: str
    convention: str
    params: int
    aux_params: int
    mult_adds: int
    other_operations: int
    activations: int
    memory_access: int
    memory_access_bytes: int
    weight_bytes: int
    peak_memory_bytes: int
    peak_layer: str
    planned_memory_bytes: int
    largest_tensor: str
    largest_tensor_bytes: int
    unknown: tuple[str, ...]  # "name (kind)" of operations of which nothing is known

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        for row, values in zip(self.rows, found["rows"], strict=True):
            values["memory_access"] = row.memory_access
            values["memory_access_bytes"] = self.bytes_of(row)
            values["arithmetic_intensity"] = self.intensity(row)
        return found

    def bytes_of(self, row: CostRow) -> int:
        """Bytes that a layer reads and writes for the batch; its weights once."""
        features = (row.read_elements + row.activations) * self.batch
        return ITEM_BYTES[self.dtype] * (features + row.weight_elements)

    def intensity(self, row: CostRow) -> float:
        """Operations per byte that a layer reads or writes."""
        moved = self.bytes_of(row)
        return self.batch * row.operations / moved if moved else 0.0


def cost(
    net: nn.Module | Graph,
    shape: tuple[int, int, int],
    *,
    batch: int = 1,
    dtype: DType = "float32",
    convention: Convention = "conv+linear",
) -> CostReport:
    """What `net` costs for images of `shape` (channels, height, width).

    Nothing is run; `net` may live on the meta device, and any `nn.Module` will do.

    Args:
        batch: images at a time; at least 1.
        dtype: of weights and features.

    Raises:
        UserError: naming the layer, for one that `shape` does not fit; for a batch, dtype or
            convention that does not exist.
    """
    graph = net if isinstance(net, Graph) else trace(net, shape)
    return report_of(graph, batch=batch, dtype=dtype, convention=convention)


def report_of(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: DType = "float32",
    convention: Convention = "conv+linear",
) -> CostReport:
    """The costs of a net that has been traced; as `cost`."""
    _check(batch, dtype, convention)
    rows = cost_rows(graph, convention)
    item = ITEM_BYTES[dtype]
    params = graph.params
    eager, planned = eager_peak(graph, batch), planned_peak(graph)
    largest = max(graph.nodes, key=lambda node: prod(node.shape))
    features = sum(row.read_elements + row.activations for row in rows)
    weights = sum(row.weight_elements for row in rows)
    return CostReport(
        rows=rows,
        shape=graph.input.shape,
        batch=batch,
        dtype=dtype,
        convention=CONVENTIONS[convention],
        params=params,
        aux_params=graph.unread_elements,
        mult_adds=sum(row.mult_adds for row in rows),
        other_operations=sum(row.other_operations for row in rows),
        activations=sum(row.activations for row in rows),
        memory_access=features + weights,
        memory_access_bytes=item * (batch * features + weights),
        weight_bytes=item * params,
        peak_memory_bytes=item * (params + eager.elements),
        peak_layer=eager.layer,
        planned_memory_bytes=item * (params + batch * planned.elements),
        largest_tensor=largest.name,
        largest_tensor_bytes=item * batch * prod(largest.shape),
        unknown=tuple(f"{n.name} ({n.kind})" for n in graph.nodes if not n.known),
    )


def _check(batch: int, dtype: str, convention: str) -> None:
    if batch < 1:
        raise UserError(f"batch={batch} is no number of images. Use 1 or more.")
    if dtype not in ITEM_BYTES:
        raise UserError(f"dtype={dtype!r} is unknown. Use {', '.join(get_args(DType))}.")
    if convention not in CONVENTIONS:
        raise UserError(f"convention={convention!r} is unknown. Use {', '.join(CONVENTIONS)}.")


def cost_rows(graph: Graph, convention: Convention) -> tuple[CostRow, ...]:
    """A row per node but the input."""
    fields = field_grids(graph)
    counted: set[int] = set()
    return tuple(
        _row(graph, node, convention, fields[node.name], counted) for node in graph.nodes[1:]
    )


def _row(
    graph: Graph, node: Node, convention: Convention, field: FieldGrid, counted: set[int]
) -> CostRow:
    new = [p for p in node.parameters if id(p) not in counted]
    counted.update(map(id, new))
    inputs = [graph[name].shape for name in node.inputs]
    view = node.owner != node.name and not node.in_place
    own, others = mult_adds(node), other_operations(graph, node)
    return CostRow(
        name=node.name,
        kind=node.kind,
        label=layer_kind(node) if node.kind in WEIGHTED or node.module else node.kind,
        stage=part_of(node.name),
        in_shape=inputs[0],
        out_shape=node.shape,
        params=sum(p.numel() for p in new),
        mult_adds=own if convention == "conv+linear" else operations(graph, node, convention),
        operations=2 * own + others,
        other_operations=others,
        activations=0 if view else node.arguments.get("written", prod(node.shape)),
        weight_elements=sum(p.numel() for p in node.parameters),
        read_elements=0 if view else _read(node, inputs),
        receptive_field=max(field.size),
        field_stride=max(field.stride),
        field_offset=max(o + (s - 1) / 2 for o, s in zip(field.offset, field.size, strict=True)),
        in_place=node.in_place,
        known=node.known,
    )


def _read(node: Node, inputs: list[Shape]) -> int:
    """Elements of features that a node reads."""
    if node.arguments.get("further"):  # read for the first output of the same call
        return 0
    overwritten = 1 if node.kind == "setitem" else 0
    return sum(map(prod, inputs[overwritten:]))
