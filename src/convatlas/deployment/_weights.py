"""The weights of layers as arrays, batch norm folded into the convolution before it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from convatlas.analysis import Graph, Node
from convatlas.deployment._draft import Array
from convatlas.errors import UserError
from convatlas.layers import LearnedGroupConv, SparseConv2d

CONVOLUTIONS = frozenset({"Conv2d", "SparseConv2d", "LearnedGroupConv"})


@dataclass(frozen=True, slots=True)
class Affine:
    """Batch norm at inference: `x * scale + shift` per channel, in double precision."""

    scale: Array
    shift: Array


def array_of(tensor: Tensor) -> Array:
    """A tensor's values as float32, in its own memory where possible."""
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())


def affine_of(name: str, norm: nn.BatchNorm2d) -> Affine:
    """What `norm` does with its running statistics.

    Raises:
        UserError: if it keeps none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise UserError(
            f"{name!r} keeps no running statistics, so its output depends on the whole batch. "
            "Export needs track_running_stats=True."
        )
    spread = np.sqrt(_double(norm.running_var) + norm.eps)
    scale = (1.0 if norm.weight is None else _double(norm.weight)) / spread
    shift = (0.0 if norm.bias is None else _double(norm.bias)) - _double(norm.running_mean) * scale
    return Affine(scale, shift)


def foldable(graph: Graph) -> dict[str, Node]:
    """Per convolution whose output only a batch norm reads, that batch norm."""
    found = {}
    for node in graph.nodes:
        if node.kind != "BatchNorm2d":
            continue
        before = graph[node.inputs[0]]
        alone = len(graph.consumers[before.name]) == 1 and before.name != graph.output
        if before.kind in CONVOLUTIONS and alone:
            found[before.name] = node
    return found


def conv_arrays(layer: Any, norm: Affine | None) -> tuple[Array, Array | None]:
    """Weight [out, in / groups, kh, kw] and bias of a convolution followed by `norm`."""
    tabled = isinstance(layer, SparseConv2d | LearnedGroupConv)
    weight = layer.dense_weight() if tabled else layer.weight
    if norm is None:
        return array_of(weight), None if layer.bias is None else array_of(layer.bias)
    folded = _double(weight) * norm.scale.reshape(-1, 1, 1, 1)
    bias = norm.shift if layer.bias is None else _double(layer.bias) * norm.scale + norm.shift
    return folded.astype(np.float32), bias.astype(np.float32)


def _double(tensor: Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()
