"""Dense blocks and transitions that make normalised maps again for the gradient."""

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from convatlas.analysis import _convolution
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._layer import DENSE_BLOCK, RECOMPUTED, Layer

_PART_BYTES = 2**20  # of maps that are normalised at a time


def with_recomputing(graph: Graph, net: nn.Module) -> Graph:
    """`graph` with what recomputes as single nodes.

    A block whose layers are joined is one; elsewhere, batch norm, ReLU and convolution are.
    """
    for name, module in net.named_modules():
        if getattr(module, "memory_efficient", False):
            graph = _with_block(graph, f"{name}.", module)
    return graph


def _with_block(graph: Graph, prefix: str, module: nn.Module) -> Graph:
    inside = [node for node in graph.nodes if node.name.startswith(prefix)]
    merged: dict[str, tuple[str, list[Node], nn.Module | None]]
    if any(node.kind == "cat" for node in inside):
        merged = {inside[-1].name: (DENSE_BLOCK, inside, module)}
    else:
        merged = {
            conv.name: (RECOMPUTED, [norm, relu, conv], conv.module)
            for norm, relu, conv in zip(inside, inside[1:], inside[2:], strict=False)
            if (norm.kind, relu.kind, conv.kind) == ("BatchNorm2d", "ReLU", "Conv2d")
        }
    gone = {node.name for _, nodes, _ in merged.values() for node in nodes[:-1]}
    nodes = []
    for node in graph.nodes:
        if node.name in merged:
            kind, parts, owner = merged[node.name]
            learned = tuple(p for part in parts for p in part.parameters)
            made = replace(node, kind=kind, inputs=parts[0].inputs[:1], parameters=learned)
            nodes.append(replace(made, module=owner, owner=node.name))
        elif node.name not in gone:
            nodes.append(node)
    return replace(graph, nodes=tuple(replace(node, dies=0) for node in nodes))


def kept_between(layer: Layer) -> int:
    """Bytes of a dense block's maps that are no part of its output, and of its statistics."""
    channels = sum(conv.out_channels for convs in _layers(layer) for conv in convs[:-1])
    return layer.output // layer.node.shape[0] * channels + 8 * (channels + layer.node.shape[0])


def block_forward_scratch(layer: Layer) -> int:
    """Of the layer that takes most: a part of its normalised input, and of its output."""
    return max(_forward(_part(layer, conv)) for convs in _layers(layer) for conv in convs)


def block_backward_scratch(layer: Layer) -> int:
    """Beside the gradient of the block's input: that of all its maps, and one layer's needs."""
    per_channel = layer.output // layer.node.shape[0]
    most = max(
        sum(conv.out_channels for conv in convs[:-1]) * per_channel
        + max(_backward(_part(layer, conv)) for conv in convs)
        for convs in _layers(layer)
    )
    return layer.output + max(0, most - layer.input)


def forward_scratch(layer: Layer) -> int:
    """A part of the normalised input, and of the output."""
    return _forward(_part(layer, layer.module))


def backward_scratch(layer: Layer) -> int:
    """A part of the input, its normalised copy and that one's gradient."""
    return _backward(_part(layer, layer.module))


def _forward(part: Layer) -> int:
    return part.input + part.output + _convolution.forward_scratch(part)


def _backward(part: Layer) -> int:
    return 3 * part.input + part.output + _convolution.backward_scratch(part)


def _layers(layer: Layer) -> Iterator[list[nn.Conv2d]]:
    for child in layer.module.children():
        yield [module for module in child.modules() if isinstance(module, nn.Conv2d)]


def _part(layer: Layer, conv: nn.Conv2d) -> Layer:
    """A convolution of as many images as are normalised at a time."""
    sides = layer.in_shape[1:]
    maps = Node(name="maps", kind="input", inputs=(), shape=(conv.in_channels, *sides))
    node = Node(
        name="conv",
        kind="Conv2d",
        inputs=("maps",),
        shape=(conv.out_channels, *layer.node.shape[1:]),
        module=conv,
    )
    graph = Graph((maps, node), ("conv",), 0)
    one = Layer(graph=graph, node=node, batch=1, width=layer.width, conditions=layer.conditions)
    few = max(1, _PART_BYTES // one.input)
    return replace(one, batch=min(few, layer.batch))
