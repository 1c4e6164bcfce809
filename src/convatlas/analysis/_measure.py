"""The figures of a variant, recomputed as papers count them."""

from collections.abc import Callable, Iterator
from functools import cached_property
from math import prod
from typing import Any

from torch.nn import Parameter

from convatlas import models
from convatlas.analysis._counting import VIEWS, WEIGHTED, connections, mult_adds, operations
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._kinds import layer_kind
from convatlas.analysis._parts import own_parameters
from convatlas.analysis._trace import trace
from convatlas.analysis._weightless import without_weights
from convatlas.errors import UserError
from convatlas.facts import Convention, Quantity

_FLOAT32_BYTES = 4
_LAYERS = WEIGHTED | {"SubSample", "RadialBasis"}


class Measured:
    """One variant for images of one side: built without weights, traced when a figure needs it."""

    def __init__(self, variant: str, input_side: int | None = None) -> None:
        changes = {} if input_side is None else {"input_side": input_side}
        spec = models.spec_of(variant, **changes)
        self._variant = variant
        self._shape = (spec.in_channels, spec.input_side, spec.input_side)
        with without_weights():
            self.net = models.family_of(variant).build(spec)

    @cached_property
    def graph(self) -> Graph:
        """The net's layers in running order."""
        return trace(self.net, self._shape)

    def figure(
        self, quantity: Quantity, part: str = "", convention: Convention = "conv+linear"
    ) -> int | float:
        """The recomputed figure of the net, of one of its parts, or of a kind of its layers.

        Args:
            convention: what counts as mult-adds.

        Raises:
            UserError: for a part or a kind of layer that the net does not have.
        """
        if quantity in _SHARES:
            return self._percent(_SHARES[quantity], part)
        try:
            self.net.get_submodule(part)
        except AttributeError:
            raise UserError(f"{self._variant!r} has no part {part!r}.") from None
        if quantity == "mult_adds":
            return sum(operations(self.graph, n, convention) for n in self.nodes(part))
        return _FIGURES[quantity](self, part)

    def _percent(self, count: Callable[[Node], int], kind: str) -> float:
        counts: dict[str, int] = {}
        for node in self.graph.nodes:
            if node.kind in WEIGHTED:
                name = layer_kind(node)
                counts[name] = counts.get(name, 0) + count(node)
        if kind not in counts:
            raise UserError(f"{self._variant!r} has no layers {kind!r}, but {', '.join(counts)}.")
        return round(100 * counts[kind] / sum(counts.values()), 4)

    def parameters(self, part: str) -> Iterator[Parameter]:
        """The parameters of a part; of the whole net without its auxiliary heads."""
        return self.net.get_submodule(part).parameters() if part else own_parameters(self.net)

    def nodes(self, part: str) -> list[Node]:
        """The layers and operations of a part."""
        return [node for node in self.graph.nodes if _inside(node.name, part)]


def _params(of: Measured, part: str) -> int:
    return sum(p.numel() for p in of.parameters(part))


def _weights(of: Measured, part: str) -> int:
    return sum(p.numel() for p in of.parameters(part) if p.dim() >= 2)


def _size_bytes(of: Measured, part: str) -> int:
    return _FLOAT32_BYTES * _params(of, part)


def _connections(of: Measured, part: str) -> int:
    return sum(connections(node) for node in of.nodes(part))


def _activation_bytes(of: Measured, part: str) -> int:
    own = (n for n in of.nodes(part) if n.kind not in VIEWS and not _in_place(n))
    return _FLOAT32_BYTES * sum(prod(node.shape) for node in own)


def _in_place(node: Node) -> bool:
    return bool(getattr(node.module, "inplace", False))


def _layers(of: Measured, part: str) -> int:
    """Layers that learn or measure, on the longest path: what papers call a net's depth.

    A projection beside a residual unit and the branches of a fire module are not one after the
    other, so they do not add up.
    """
    depth: dict[str, int] = {}
    for node in of.graph.nodes:
        before = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = before + (node.kind in _LAYERS and _inside(node.name, part))
    return max(depth.values())


def _channels(of: Measured, part: str) -> int:
    return _output(of, part)[0]


def _side(of: Measured, part: str) -> int:
    shape = _output(of, part)
    if len(shape) != 3 or shape[1] != shape[2]:
        raise UserError(f"What {part!r} puts out has no side: its shape is {shape}.")
    return shape[1]


def _output(of: Measured, part: str) -> Shape:
    return of.nodes(part)[-1].shape


def _layer_weights(node: Node) -> int:
    layer: Any = node.module
    return int(layer.weight.numel())


def _inside(name: str, part: str) -> bool:
    path = name.split(":")[0]
    return not part or path == part or path.startswith(f"{part}.")


_FIGURES: dict[Quantity, Callable[[Measured, str], int]] = {
    "params": _params,
    "weights": _weights,
    "connections": _connections,
    "size_bytes": _size_bytes,
    "activation_bytes": _activation_bytes,
    "layers": _layers,
    "channels": _channels,
    "side": _side,
}
_SHARES: dict[Quantity, Callable[[Node], int]] = {
    "mult_adds_percent": mult_adds,
    "weights_percent": _layer_weights,
}
