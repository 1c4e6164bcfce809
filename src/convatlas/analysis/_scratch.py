"""Memory that a layer takes while it runs and gives back, in torch's eager mode on a CPU."""

from math import prod

from convatlas.analysis._graph import Graph, Node

# Copies of the output's size, as float32, that exist beside the output at the layer's worst moment.
_COPIES = {
    "MaxPool2d": 2.0,  # positions as 64-bit numbers, made whether or not they are asked for
}


def scratch_elements(graph: Graph, node: Node) -> int:
    """Elements, as float32 and for one image, beside the inputs and the output of `node`."""
    return int(_COPIES.get(node.kind, 0.0) * prod(node.shape))
