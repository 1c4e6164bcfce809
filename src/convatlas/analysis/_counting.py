"""What one layer computes, under each convention of counting."""

from collections.abc import Callable
from math import prod
from types import MappingProxyType
from typing import Any

from torch import nn

from convatlas.analysis._elsewhere import ELEMENTWISE_CALLS, REDUCTIONS
from convatlas.analysis._graph import Graph, Node
from convatlas.analysis._shapes import pair
from convatlas.facts import Convention
from convatlas.layers import LearnedGroupConv, RadialBasis, SparseConv2d, SubSample

CONVENTIONS = MappingProxyType(
    {
        "conv+linear": "multiply-adds of convolutions and linear layers (one multiply and one "
        "add = 1), without bias (most papers since ResNet; fvcore and calflops for these layers)",
        "with bias": "multiply-adds of convolutions and linear layers (one multiply and one "
        "add = 1), and one addition per output element of a layer that has a bias (early thop; "
        "ptflops)",
        "all operators": "multiply-adds of convolutions and linear layers with bias additions, and "
        "per output element 1 for batch norm, activation, addition and multiplication, one per "
        "pixel of its window for pooling, window + 2 for response normalisation, 3 for softmax",
        "doubled": "multiplications and additions of convolutions and linear layers counted one "
        "by one (twice the multiply-adds), without bias (FLOPs, as torch's FlopCounterMode and "
        "the papers of EfficientNet's successors print them)",
        "condensenet": "multiply-adds of convolutions and linear layers, 1 per element of ReLU, "
        "one per pixel of its window for average pooling, 1 per output of the classifier (the "
        "authors' released code of CondenseNet); learned groups are counted condensed",
        "thop": "multiply-adds of convolutions and linear layers without bias, 4 per element of "
        "batch norm, 1 per output of average pooling, one per pixel of its window and 1 more for "
        "adaptive pooling; ReLU, max pooling, additions and joins left out (thop 0.1.1, which also "
        "leaves out what is called as a function)",
    }
)

VIEWS = frozenset({"Identity", "Dropout", "SampleDrop", "Flatten", "flatten", "chunk", "getitem"})
ELEMENTWISE = frozenset(
    {
        "BatchNorm2d",
        "ReLU",
        "ReLU6",
        "LeakyReLU",
        "ELU",
        "SiLU",
        "Tanh",
        "Sigmoid",
        "ScaledTanh",
        "Scale",
        "Survival",
    }
)
IN_PLACE = ELEMENTWISE - {"SiLU"}  # x sigmoid(x) needs x until the end
WEIGHTED = frozenset({"Conv2d", "Linear", "SparseConv2d", "LearnedGroupConv"})
_PER_ELEMENT = {
    **dict.fromkeys(ELEMENTWISE_CALLS, 1),
    **dict.fromkeys(ELEMENTWISE, 1),
    "Softmax": 3,
    "log_softmax": 3,
    "interpolate": 1,
}


def operations(graph: Graph, node: Node, convention: Convention) -> int:
    """What `node` adds to the total under `convention`."""
    if convention in _CODES:
        return _CODES[convention](graph, node)
    count = mult_adds(node)
    if convention == "doubled":
        return 2 * count
    if convention in ("with bias", "all operators") and node.kind in WEIGHTED:
        count += prod(node.shape) if _has_bias(node) else 0
    if convention == "all operators":
        count += _others(graph, node)
    return count


def mult_adds(node: Node) -> int:
    """Multiply-adds of a convolution, linear layer or product of tensors; 0 for other layers."""
    rule = _MULT_ADDS.get(node.kind)
    if rule is None or node.module is None:
        return int(node.arguments.get("mult_adds", 0))
    return rule(node.module, node.shape)


def other_operations(graph: Graph, node: Node) -> int:
    """What the convention "all operators" counts beside the multiply-adds."""
    return operations(graph, node, "all operators") - mult_adds(node)


def _conv(layer: nn.Conv2d, shape: tuple[int, ...]) -> int:
    return prod(shape) * (layer.in_channels // layer.groups) * prod(pair(layer.kernel_size))


def _linear(layer: nn.Linear, shape: tuple[int, ...]) -> int:
    return prod(shape) * layer.in_features


def _sparse_conv(layer: SparseConv2d, shape: tuple[int, ...]) -> int:
    return prod(shape[1:]) * layer.weight.numel()


def _learned(layer: LearnedGroupConv, shape: tuple[int, ...]) -> int:
    return prod(shape) * layer.in_channels  # dense, as it trains


_MULT_ADDS: dict[str, Callable[[Any, tuple[int, ...]], int]] = {
    "Conv2d": _conv,
    "Linear": _linear,
    "SparseConv2d": _sparse_conv,
    "LearnedGroupConv": _learned,
}


def connections(node: Node) -> int:
    """Links between units: every use of a weight, a bias, a coefficient or a centre's component.

    So a sub-sampling unit has one per pixel of its window and one for its bias. LeCun et al.
    (1998) count LeNet-5's layers this way, the distances of its output units included.
    """
    if isinstance(node.module, SubSample):
        return prod(node.shape) * (node.module.kernel_size**2 + 1)
    if isinstance(node.module, RadialBasis):
        return node.module.centres.numel()
    if node.kind in WEIGHTED:
        return mult_adds(node) + (prod(node.shape) if _has_bias(node) else 0)
    return 0


def _has_bias(node: Node) -> bool:
    return getattr(node.module, "bias", None) is not None


def _as_condensenet(graph: Graph, node: Node) -> int:
    layer, count = node.module, mult_adds(node)
    if isinstance(layer, LearnedGroupConv):
        count //= layer.condensation
    if node.kind in WEIGHTED:
        return count + (prod(node.shape) if _has_bias(node) else 0)
    if isinstance(layer, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
        return _others(graph, node)
    return prod(node.shape) if node.kind == "ReLU" else 0


def _as_thop(graph: Graph, node: Node) -> int:
    layer, size = node.module, prod(node.shape)
    if isinstance(layer, nn.BatchNorm2d):
        return (4 if layer.weight is not None else 2) * size
    if isinstance(layer, nn.AvgPool2d):
        return size
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        before = graph[node.inputs[0]].shape
        return size * (prod(a // b for a, b in zip(before[1:], node.shape[1:], strict=True)) + 1)
    return mult_adds(node)


_CODES: dict[str, Callable[[Graph, Node], int]] = {
    "condensenet": _as_condensenet,
    "thop": _as_thop,
}


def _others(graph: Graph, node: Node) -> int:
    size = prod(node.shape)
    layer = node.module
    if node.arguments.get("further"):  # counted with the first output of its call
        return 0
    if node.kind == "add":
        return size
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return size * prod(pair(layer.kernel_size))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return prod(graph[node.inputs[0]].shape)
    if isinstance(layer, nn.LocalResponseNorm):
        return size * (layer.size + 2)
    if isinstance(layer, SubSample | RadialBasis):
        return connections(node)
    if node.kind in REDUCTIONS:
        return prod(graph[node.inputs[0]].shape)
    return size * _PER_ELEMENT.get(node.kind, 0)
