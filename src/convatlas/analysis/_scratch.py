"""Memory that a layer takes while it runs and gives back: torch's eager mode on a CPU, inference.

Max pooling stores where each maximum was, whether or not that is asked for.
"""

from math import prod

from torch import nn

from convatlas.analysis._convolution import forward_scratch
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._layer import Conditions, Layer
from convatlas.layers import LearnedGroupConv

_FLOAT32_BYTES = 4
_CONDITIONS = Conditions(channels_last=False)
_COPIES = {  # of the output's size, beside it
    "MaxPool2d": 2,  # positions, 64-bit numbers
    "LocalResponseNorm": 2,
    "ScaledTanh": 1,
    "SubSample": 1,
}


def scratch_elements(graph: Graph, node: Node, batch: int) -> int:
    """Elements beside the inputs and the output of `node`, at its worst moment, for float32."""
    if isinstance(node.module, nn.Conv2d):
        return _convolution(graph, node, batch)
    if isinstance(node.module, LearnedGroupConv):
        dense = node.module.weight.numel()  # what the mask leaves: as bytes, numbers and product
        return dense + max(dense + dense // 4, _convolution(graph, node, batch))
    return _COPIES.get(node.kind, 0) * batch * prod(node.shape)


def _convolution(graph: Graph, node: Node, batch: int) -> int:
    layer = Layer(graph=graph, node=node, batch=batch, width=_FLOAT32_BYTES, conditions=_CONDITIONS)
    return forward_scratch(layer) // _FLOAT32_BYTES
