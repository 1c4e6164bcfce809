"""Blocks that make their joined and normalised inputs again for the gradient."""

from dataclasses import replace

from torch import nn

from convatlas.analysis import _convolution
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._layer import RECOMPUTED, Layer


def with_recomputing(graph: Graph, net: nn.Module) -> Graph:
    """`graph` with batch norm, ReLU and convolution as one node in blocks that recompute them.

    Joins between the layers of such a block do not happen: every layer reads all maps before it.
    """
    blocks = tuple(
        f"{name}." for name, module in net.named_modules() if getattr(module, "memory_efficient", 0)
    )
    if not blocks:
        return graph
    nodes: list[Node] = []
    stands_for: dict[str, tuple[str, ...]] = {}
    norms: dict[str, Node] = {}
    for node in graph.nodes:
        sources = tuple(s for name in node.inputs for s in stands_for.get(name, (name,)))
        inside = node.name.startswith(blocks)
        if inside and node.kind == "BatchNorm2d":
            stands_for[node.name], norms[node.name] = sources, node
        elif inside and node.kind == "ReLU":
            stands_for[node.name], norms[node.name] = sources, norms[node.inputs[0]]
        elif inside and node.kind == "Conv2d":
            learned = norms[node.inputs[0]].parameters + node.parameters
            nodes.append(replace(node, kind=RECOMPUTED, inputs=sources, parameters=learned))
        elif inside and node.kind == "cat" and _read_inside(graph, node, blocks):
            stands_for[node.name] = sources
        else:
            nodes.append(replace(node, inputs=sources))
    return replace(graph, nodes=tuple(replace(node, dies=0) for node in nodes))


def _read_inside(graph: Graph, node: Node, blocks: tuple[str, ...]) -> bool:
    return all(
        reader.name.startswith(block)
        for reader in graph.consumers[node.name]
        for block in blocks
        if node.name.startswith(block)
    )


def forward_scratch(layer: Layer) -> int:
    """The joined input and its normalised copy."""
    return 2 * layer.input + _convolution.forward_scratch(layer)


def backward_scratch(layer: Layer) -> int:
    """Beside the gradient of the joined input: the input, its normalised copy, a gradient of it."""
    return 2 * layer.input + max(layer.input, _convolution.backward_scratch(layer))
