"""Memory that a layer takes while it runs and gives back: torch's eager mode on a CPU, float32.

oneDNN, which computes most convolutions, lays maps and weights out in blocks of channels: it copies
its input and its weights, and its output back. Other convolutions copy their windows out of the map
into columns. Max pooling stores where each maximum was, whether or not that is asked for.
"""

from math import prod
from typing import Any

from torch import nn

from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._shapes import pair
from convatlas.layers import LearnedGroupConv

_SMALL = 20_480  # elements: torch's own bound for leaving a single image to the columns
_COPIES = {  # of the output's size, beside it
    "MaxPool2d": 2,  # positions, 64-bit numbers
    "LocalResponseNorm": 2,
    "ScaledTanh": 1,
    "SubSample": 1,
}


def scratch_elements(graph: Graph, node: Node, batch: int) -> int:
    """Elements beside the inputs and the output of `node`, at its worst moment."""
    layer: Any = node.module
    before = graph[node.inputs[0]].shape if node.inputs else ()
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, before, node.shape, batch)
    if isinstance(layer, LearnedGroupConv):
        dense = layer.weight.numel()  # the weights that the mask leaves: bytes, numbers, product
        return dense + max(dense + dense // 4, _convolution(layer, before, node.shape, batch))
    return _COPIES.get(node.kind, 0) * batch * prod(node.shape)


def _convolution(layer: Any, before: Shape, after: Shape, batch: int) -> int:
    kernel = pair(layer.kernel_size)
    weights = layer.weight.numel()
    if _blocked(layer, before, batch):
        copied = 0 if before[0] <= _PLAIN_CHANNELS else batch * prod(before)
        gathered = 0
        strides = pair(layer.stride)
        halves = tuple(a * s for a, s in zip(after[1:], strides, strict=True)) == before[1:]
        if kernel == (1, 1) and strides != (1, 1) and halves:
            gathered = _THREADS * before[0] * prod(after[1:])
        block = _BLOCK if layer.groups == 1 and kernel != (1, 1) else _SMALL_BLOCK
        rows = block * -(-after[0] // block)
        weights = weights * rows // after[0]
        blocked = batch * prod((rows, *after[1:]))
        return max(blocked - batch * prod(after) + copied + weights + gathered, blocked)
    if kernel == (1, 1) and pair(layer.stride) == (1, 1) and layer.padding in (0, (0, 0)):
        return 0
    return batch * before[0] * prod(kernel) * prod(after[1:])


_BLOCK, _SMALL_BLOCK = 16, 8  # channels; the small one for 1x1 and grouped convolutions
_PLAIN_CHANNELS = 3  # images are read as they are
_THREADS = 2  # each gathers what a strided 1x1 convolution reads of one image


def _blocked(layer: Any, before: Shape, batch: int) -> bool:
    """Whether oneDNN computes it; torch decides so when it has more than one thread."""
    return (
        layer.groups > 1 or min(pair(layer.kernel_size)) > 3 or batch > 1 or prod(before) > _SMALL
    )
