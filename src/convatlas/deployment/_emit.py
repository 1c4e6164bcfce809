"""Each kind of node as ONNX operators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convatlas.analysis import Node
from convatlas.deployment._draft import Array, Draft
from convatlas.deployment._weights import affine_of, array_of
from convatlas.deployment._windows import (
    emit_adaptive_pool,
    emit_avg_pool,
    emit_max_pool,
    emit_sub_sample,
    emit_zero_pad,
)
from convatlas.errors import UserError

Emitter = Callable[[Draft, Node], str]


def emit(draft: Draft, node: Node) -> str:
    """Write `node`; the value it is.

    Raises:
        UserError: naming it, when it has no ONNX form here.
    """
    of_two = node.kind in ("add", "sub", "mul")  # with a number, not with a map, it is another
    if node.kind not in _EMITTERS or (of_two and len(node.inputs) != 2):
        raise UserError(
            f"{node.name!r} ({node.kind}) cannot be exported. Known: {', '.join(_EMITTERS)}."
        )
    return _EMITTERS[node.kind](draft, node)


def _plain(operator: str) -> Emitter:
    def write(draft: Draft, node: Node) -> str:
        return draft.emit(operator, draft.inputs(node), node.name)[0]

    return write


def _pass_on(draft: Draft, node: Node) -> str:
    """Nothing to compute at inference."""
    return draft.inputs(node)[0]


def _norm(draft: Draft, node: Node) -> str:
    """Scale and shift as a 1x1 convolution of each channel on its own.

    No slower than BatchNormalization in ONNX Runtime, and two numbers per channel instead of four.
    """
    norm: Any = node.module
    affine = affine_of(node.name, norm)
    path = node.name.partition(":")[0]
    weights = [
        draft.store(f"{path}.scale", affine.scale.astype(np.float32).reshape(-1, 1, 1, 1)),
        draft.store(f"{path}.shift", affine.shift.astype(np.float32)),
    ]
    return draft.emit(
        "Conv",
        [*draft.inputs(node), *weights],
        node.name,
        kernel_shape=[1, 1],
        group=node.shape[0],
    )[0]


def _linear(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    if len(node.shape) != 1:
        raise UserError(f"{node.name!r} reads {node.shape}. Export needs flattened features.")
    path = node.name.partition(":")[0]
    weights = [draft.store(f"{path}.weight", array_of(layer.weight))]
    if layer.bias is not None:
        weights.append(draft.store(f"{path}.bias", array_of(layer.bias)))
    return draft.emit("Gemm", [*draft.inputs(node), *weights], node.name, transB=1)[0]


def _relu6(draft: Draft, node: Node) -> str:
    bounds = [draft.store("zero", _scalar(0.0)), draft.store("six", _scalar(6.0))]
    return draft.emit("Clip", [*draft.inputs(node), *bounds], node.name)[0]


def _leaky(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    slope = float(layer.negative_slope)
    return draft.emit("LeakyRelu", draft.inputs(node), node.name, alpha=slope)[0]


def _elu(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    return draft.emit("Elu", draft.inputs(node), node.name, alpha=float(layer.alpha))[0]


def _silu(draft: Draft, node: Node) -> str:
    gate = draft.emit("Sigmoid", draft.inputs(node), f"{node.name}/gate")
    return draft.emit("Mul", [*draft.inputs(node), *gate], node.name)[0]


def _times(factor: Callable[[Any], float]) -> Emitter:
    def write(draft: Draft, node: Node) -> str:
        stored = draft.store(f"{node.name}.factor", _scalar(factor(node.module)))
        return draft.emit("Mul", [*draft.inputs(node), stored], node.name)[0]

    return write


def _select(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    path = node.name.partition(":")[0]
    stored = draft.store(f"{path}.indices", layer.indices.cpu().numpy().astype(np.int64))
    return draft.emit("Gather", [*draft.inputs(node), stored], node.name, axis=1)[0]


def _constant_pad(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    left, right, top, bottom = layer.padding
    amount = draft.store(f"{node.name}.padding", _numbers(0, 0, top, left, 0, 0, bottom, right))
    return draft.emit("Pad", [*draft.inputs(node), amount], node.name)[0]


def _scaled_tanh(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    slope = draft.store(f"{node.name}.slope", _scalar(layer.slope))
    amplitude = draft.store(f"{node.name}.amplitude", _scalar(layer.amplitude))
    sloped = draft.emit("Mul", [*draft.inputs(node), slope], f"{node.name}/sloped")
    squashed = draft.emit("Tanh", sloped, f"{node.name}/squashed")
    return draft.emit("Mul", [*squashed, amplitude], node.name)[0]


def _softmax(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    if layer.dim is None:
        raise UserError(f"{node.name!r} does not say its dimension. Write nn.Softmax(dim=1).")
    return draft.emit("Softmax", draft.inputs(node), node.name, axis=layer.dim)[0]


def _response_norm(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    if layer.size % 2 == 0:  # torch and ONNX put an even window on different sides
        raise UserError(f"{node.name!r} has a window of {layer.size}. Export needs an odd one.")
    return draft.emit(
        "LRN",
        draft.inputs(node),
        node.name,
        size=layer.size,
        alpha=float(layer.alpha),
        beta=float(layer.beta),
        bias=float(layer.k),
    )[0]


def _shuffle(draft: Draft, node: Node) -> str:
    """One gathering of channels: faster than reshape, transpose, reshape in ONNX Runtime."""
    layer: Any = node.module
    channels = node.shape[0]
    order = np.arange(channels).reshape(layer.groups, channels // layer.groups).T.reshape(-1)
    stored = draft.store(f"shuffle.{layer.groups}.{channels}", order.astype(np.int64))
    return draft.emit("Gather", [*draft.inputs(node), stored], node.name, axis=1)[0]


def _join_shuffle(draft: Draft, node: Node) -> str:
    joined = draft.emit("Concat", draft.inputs(node), f"{node.name}/joined", axis=1)
    channels = node.shape[0]
    order = np.arange(channels).reshape(2, channels // 2).T.reshape(-1)
    stored = draft.store(f"shuffle.2.{channels}", order.astype(np.int64))
    return draft.emit("Gather", [*joined, stored], node.name, axis=1)[0]


def _radial(draft: Draft, node: Node) -> str:
    layer: Any = node.module
    axis = [draft.store("one", _numbers(1)), draft.store("two", _numbers(2))]
    centres = draft.store(f"{node.name.partition(':')[0]}.centres", array_of(layer.centres))
    wide = draft.emit("Unsqueeze", [*draft.inputs(node), axis[0]], f"{node.name}/wide")
    apart = draft.emit("Sub", [*wide, centres], f"{node.name}/apart")
    squared = draft.emit("ReduceSumSquare", [*apart, axis[1]], f"{node.name}/distance", keepdims=0)
    return draft.emit("Neg", squared, node.name)[0]


def _cat(draft: Draft, node: Node) -> str:
    return draft.emit("Concat", draft.inputs(node), node.name, axis=1)[0]


def _chunk(draft: Draft, node: Node) -> str:
    sizes = node.arguments["sizes"]
    lengths = draft.store(f"{node.name}.sizes", _numbers(*sizes))
    values = draft.emit(
        "Split", [*draft.inputs(node), lengths], node.name, outputs=len(sizes), axis=1
    )
    draft.parts[node.name] = values
    return values[0]


def _getitem(draft: Draft, node: Node) -> str:
    return draft.parts[node.inputs[0]][node.arguments["index"]]


def _flatten(draft: Draft, node: Node) -> str:
    return draft.emit("Flatten", draft.inputs(node), node.name, axis=1)[0]


def _scalar(value: float) -> Array:
    return np.array(value, np.float32)


def _numbers(*values: int) -> Array:
    return np.array(values, np.int64)


_EMITTERS: dict[str, Emitter] = {
    "BatchNorm2d": _norm,
    "Linear": _linear,
    "MaxPool2d": emit_max_pool,
    "AvgPool2d": emit_avg_pool,
    "AdaptiveAvgPool2d": emit_adaptive_pool,
    "LocalResponseNorm": _response_norm,
    "Flatten": _flatten,
    "ReLU": _plain("Relu"),
    "ReLU6": _relu6,
    "LeakyReLU": _leaky,
    "ELU": _elu,
    "SiLU": _silu,
    "Tanh": _plain("Tanh"),
    "Sigmoid": _plain("Sigmoid"),
    "Softmax": _softmax,
    "Identity": _pass_on,
    "Dropout": _pass_on,
    "SampleDrop": _pass_on,
    "Scale": _times(lambda layer: float(layer.factor)),
    "Survival": _times(lambda layer: float(layer.probability)),
    "SelectChannels": _select,
    "ZeroPad2d": _constant_pad,
    "ScaledTanh": _scaled_tanh,
    "ChannelShuffle": _shuffle,
    "JoinShuffle": _join_shuffle,
    "ZeroPadShortcut": emit_zero_pad,
    "SubSample": emit_sub_sample,
    "RadialBasis": _radial,
    "add": _plain("Add"),
    "sub": _plain("Sub"),
    "mul": _plain("Mul"),
    "cat": _cat,
    "flatten": _flatten,
    "chunk": _chunk,
    "getitem": _getitem,
}
