"""Running a traced net from any of its nodes to any other."""

from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from convatlas.analysis import Graph, Node
from convatlas.errors import UserError

Call = Callable[..., Any]  # of the values of the node's inputs


class MapsDiffer(UserError):
    """Images of a size at which a net's branches make maps of different sizes."""


class GraphRunner:
    """The nodes of `graph` as calls of the net's own modules.

    Args:
        net: the traced net.
        replaced: by node name, what runs in the place of a node.
        local: names of the maps that grow with the image; others are the same for every pixel.

    Raises:
        UserError: naming the node, for one that cannot be run on its own.
    """

    def __init__(
        self, net: nn.Module, graph: Graph, *, replaced: Mapping[str, Call], local: Container[str]
    ) -> None:
        own = set(map(id, net.modules()))
        self._local = local
        self._position = {node.name: i for i, node in enumerate(graph.nodes)}
        self._graph = graph
        self._calls: dict[str, Call] = {}
        for node in graph.nodes[1:]:
            self._calls[node.name] = replaced.get(node.name) or _call(node, own)
        self._freed = self._last_uses()

    def run(self, value: Tensor, source: str, target: str) -> Tensor:
        """The value of node `target` where node `source` has `value`.

        Every path from the input to `target` leads through `source`.

        Raises:
            MapsDiffer: if maps that are added or joined differ in size.
        """
        values: dict[str, Any] = {source: value}
        first, last = self._position[source] + 1, self._position[target]
        for position in range(first, last + 1):
            node = self._graph.nodes[position]
            inputs = [values[name] for name in node.inputs]
            if len(inputs) > 1:
                self._check_sizes(node, inputs)
            values[node.name] = self._calls[node.name](*inputs)
            del inputs
            for name in self._freed[position]:
                if name != target:
                    values.pop(name, None)
        return values[target]

    def _last_uses(self) -> list[list[str]]:
        """By position, the nodes whose value nobody reads afterwards."""
        freed: list[list[str]] = [[] for _ in self._graph.nodes]
        for node in self._graph.nodes:
            readers = self._graph.consumers[node.name]
            last = max((self._position[r.name] for r in readers), default=len(freed) - 1)
            freed[last].append(node.name)
        return freed

    def _check_sizes(self, node: Node, inputs: list[Tensor]) -> None:
        """Torch would repeat a map of one row or column, which no net means."""
        maps = zip(node.inputs, inputs, strict=True)
        sizes = dict.fromkeys(tuple(x.shape[2:]) for name, x in maps if name in self._local)
        if len(sizes) > 1:
            raise MapsDiffer(
                f"{node.name!r} ({node.kind}) gets maps of "
                f"{' and '.join(f'{h} x {w}' for h, w in sizes)} from images of this size. Use "
                "sides that exceed the native one by a multiple of the net's stride."
            )


def _call(node: Node, own: set[int]) -> Call:
    if node.module is not None:
        if id(node.module) in own:
            return node.module
    elif (call := _OPERATIONS.get(node.kind)) is not None:
        return call(node)
    raise UserError(
        f"{node.name!r} ({node.kind}) is a function call that cannot be repeated outside of the "
        "net's forward. Put the step into a module."
    )


def _cat(node: Node) -> Call:
    return lambda *tensors: torch.cat(tensors, dim=1)


def _chunk(node: Node) -> Call:
    return partial(torch.split, split_size_or_sections=list(node.arguments["sizes"]), dim=1)


def _item(node: Node) -> Call:
    index = node.arguments["index"]
    return lambda chunks: chunks[index]


def _two(function: Call) -> Callable[[Node], Call]:
    return lambda node: function


_OPERATIONS: dict[str, Callable[[Node], Call]] = {
    "add": _two(torch.add),
    "sub": _two(torch.sub),
    "mul": _two(torch.mul),
    "cat": _cat,
    "chunk": _chunk,
    "getitem": _item,
    "flatten": _two(partial(torch.flatten, start_dim=1)),
}
