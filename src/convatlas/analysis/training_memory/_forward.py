"""The forward pass: what is allocated, what stays for the backward pass."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._layer import (
    DENSE_BLOCK,
    RECOMPUTED,
    Conditions,
    Layer,
    apart,
    parameters_of,
)
from convatlas.analysis.training_memory._ledger import Ledger, Storage
from convatlas.analysis.training_memory._rules import UNKNOWN, Row, row_of
from convatlas.analysis.training_memory._values import Entry, Value

_CAST = frozenset({"Conv2d", "Linear", "LearnedGroupConv", "SparseConv2d", RECOMPUTED, DENSE_BLOCK})
_WIDENED = frozenset({"LocalResponseNorm"})  # autocast lets it average in the full precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is trained, and how."""

    graph: Graph
    batch: int
    width: int  # bytes of an element of images and weights
    low: int | None  # of what convolutions and linear layers read under autocast
    conditions: Conditions


class Forward:
    """Runs a graph's layers in order over a ledger."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job = job
        self._ledger = ledger
        self._values: dict[str, Value] = {}
        self._ends = _ends(job.graph)
        self.entries: list[Entry] = []
        self.unknown: list[str] = []

    def run(self) -> tuple[Value, list[Entry]]:
        """The logits, and the layers for the backward pass."""
        graph, ledger = self._job.graph, self._ledger
        images = Storage(self._job.batch * prod(graph.input.shape) * self._job.width)
        self._values[graph.input.name] = Value(images, self._job.width, needs_gradient=False)
        for position, node in enumerate(graph.nodes):
            if position:
                ledger.layer = node.name
                self._run(node)
            for name in self._ends.get(position, ()):
                ledger.release(self._values.pop(name).storage)
        return self._values[graph.output], self.entries

    def _run(self, node: Node) -> None:
        ledger = self._ledger
        given = [self._values[name] for name in node.inputs]
        needs = any(value.needs_gradient for value in given) or bool(parameters_of(node))
        layer = self._layer(node, given)
        row = self._row(layer)
        inputs, casts = self._cast(layer, given)
        weights = self._weight_copies(layer)
        shares = row.output == "view" or layer.in_place
        storage = inputs[0].storage
        storage = ledger.hold(storage) if shares else ledger.allocate(layer.output)
        own = ledger.allocate(row.own(layer)) if needs else None
        ledger.touch(row.forward(layer))
        if needs:
            kept = [ledger.save(s) for s in (*_saved(row, layer, inputs, storage), *weights)]
            if own is not None and own.size:
                kept.append(ledger.save(own))
            found = tuple(given)
            self.entries.append(Entry(layer, row, tuple(kept), found, casts))
        copies = [inputs[i].storage for i, name in enumerate(node.inputs) if name in casts]
        for left in (*([own] if own else []), *weights, *copies):
            ledger.release(left)
        self._values[node.name] = Value(storage, layer.width, _is_sliced(layer, row, given), needs)

    def _layer(self, node: Node, given: list[Value]) -> Layer:
        width = max(value.width for value in given)
        if self._job.low is not None and node.kind in _CAST:
            width = min(width, self._job.low)
        if node.kind in _WIDENED:
            width = self._job.width
        return Layer(
            graph=self._job.graph,
            node=node,
            batch=self._job.batch,
            width=width,
            conditions=self._job.conditions,
            sliced=given[0].sliced,
        )

    def _row(self, layer: Layer) -> Row:
        row = row_of(layer)
        if row is None:
            self.unknown.append(layer.node.name)
            return UNKNOWN
        return row

    def _cast(self, layer: Layer, given: list[Value]) -> tuple[list[Value], frozenset[str]]:
        """What the layer reads: copies in the lower precision where autocast makes them."""
        inputs, casts = list(given), set()
        if self._job.low is not None and layer.node.kind in _CAST:
            for i, (name, value) in enumerate(zip(layer.node.inputs, given, strict=True)):
                if value.width > layer.width:
                    copy = self._ledger.allocate(layer.inputs[i])
                    inputs[i] = replace(value, storage=copy, width=layer.width)
                    casts.add(name)
        return inputs, frozenset(casts)

    def _weight_copies(self, layer: Layer) -> list[Storage]:
        if self._job.low is None or layer.node.kind not in _CAST:
            return []
        sizes = [p.numel() * layer.width for p in parameters_of(layer.node)]
        return [self._ledger.allocate(sum(sizes))]


def _is_sliced(layer: Layer, row: Row, given: list[Value]) -> bool:
    """Whether the output is not in one piece in memory."""
    if layer.node.kind != "getitem":
        return row.output == "view" and given[0].sliced
    return layer.in_shape != layer.node.shape and apart(layer)


def _saved(row: Row, layer: Layer, inputs: list[Value], output: Storage) -> list[Storage]:
    saves = row.in_place_saves if layer.in_place else row.saves
    if saves is None:
        return []
    if saves == "output":
        return [output]
    return [value.storage for value in (inputs if saves == "inputs" else inputs[:1])]


def _ends(graph: Graph) -> Mapping[int, list[str]]:
    """Which tensors Python lets go of after each node."""
    position = {node.name: i for i, node in enumerate(graph.nodes)}
    ends: dict[int, list[str]] = {}
    for node in graph.nodes[1:]:
        if node.name == graph.output:
            continue
        last = max([position[node.name], *(position[c.name] for c in graph.consumers[node.name])])
        ends.setdefault(max(last, node.dies), []).append(node.name)
    return ends
