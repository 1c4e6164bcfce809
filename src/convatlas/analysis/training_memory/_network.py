"""The graph of a net as it trains."""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._trace import trace
from convatlas.analysis.training_memory._recomputed import with_recomputing

_INSIDE = "net."


class _WithHeads(nn.Module):
    """A net whose auxiliary heads run too; their logits are added to its own, as losses are."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """The sum of all logits."""
        net: Any = self.net
        logits, heads = net.forward_with_aux(images)
        for head in heads:
            logits = logits + head
        return logits


def training_graph(net: nn.Module, shape: tuple[int, int, int]) -> Graph:
    """The layers that run in training, auxiliary heads among them.

    Raises:
        UserError: as `trace` does.
    """
    if hasattr(net, "forward_with_aux"):
        return with_recomputing(_without_prefix(trace(_WithHeads(net), shape)), net)
    return with_recomputing(trace(net, shape), net)


def _without_prefix(graph: Graph) -> Graph:
    outputs = tuple(name.removeprefix(_INSIDE) for name in graph.outputs)
    return replace(graph, nodes=tuple(map(_renamed, graph.nodes)), outputs=outputs)


def _renamed(node: Node) -> Node:
    return replace(
        node,
        name=node.name.removeprefix(_INSIDE),
        inputs=tuple(name.removeprefix(_INSIDE) for name in node.inputs),
        owner=node.owner.removeprefix(_INSIDE),
    )
