"""Convolution and pooling as ONNX operators.

Sides are known, so windows that reach beyond the image ("ceil mode", "same") are written as plain
padding: runtimes have disagreed on the meaning of ONNX's own words for them.
"""

from typing import Any

import numpy as np

from convatlas.analysis import Node, pair, window_padding
from convatlas.deployment._draft import Array, Draft
from convatlas.deployment._weights import Affine, conv_arrays
from convatlas.errors import UserError

_Sides = tuple[int, int]


def emit_conv(draft: Draft, node: Node, norm: Affine | None) -> str:
    """A convolution, dense or by a connection table, with `norm` folded in."""
    layer: Any = node.module
    if getattr(layer, "padding_mode", "zeros") != "zeros":
        raise UserError(
            f"{node.name!r} has padding_mode={layer.padding_mode!r}. Export knows 'zeros' only."
        )
    weight, bias = conv_arrays(layer, norm)
    path = node.name.partition(":")[0]
    inputs = [*draft.inputs(node), draft.store(f"{path}.weight", weight)]
    if bias is not None:
        inputs.append(draft.store(f"{path}.bias", bias))
    (value,) = draft.emit(
        "Conv",
        inputs,
        node.name,
        kernel_shape=list(weight.shape[2:]),
        strides=list(pair(layer.stride)),
        dilations=list(pair(getattr(layer, "dilation", 1))),
        pads=_pads(draft, node, dilation=pair(getattr(layer, "dilation", 1))),
        group=getattr(layer, "groups", 1),
    )
    return value


def emit_sub_sample(draft: Draft, node: Node) -> str:
    """Sums of windows with a coefficient per map are a convolution of each map on its own."""
    layer: Any = node.module
    channels, k = node.shape[0], layer.kernel_size
    coefficient, bias = layer.coefficient.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()
    weight = np.broadcast_to(coefficient.reshape(-1, 1, 1, 1), (channels, 1, k, k))
    path = node.name.partition(":")[0]
    weights = [
        draft.store(f"{path}.coefficient", np.ascontiguousarray(weight)),
        draft.store(f"{path}.bias", bias),
    ]
    (value,) = draft.emit(
        "Conv",
        [*draft.inputs(node), *weights],
        node.name,
        kernel_shape=[k, k],
        strides=[layer.stride, layer.stride],
        group=channels,
    )
    return value


def emit_max_pool(draft: Draft, node: Node) -> str:
    """Maximum of windows; padding never wins."""
    layer: Any = node.module
    dilation, kernel = pair(layer.dilation), pair(layer.kernel_size)
    pads = _pads(draft, node, dilation=dilation)
    if any(pad >= side for pad, side in zip(pads, kernel * 2, strict=True)):
        raise UserError(
            f"{node.name!r} pads by {max(pads)} pixels a window of {kernel[0]} x {kernel[1]}; "
            "ONNX Runtime takes less than the window. Use a smaller dilation or a larger window."
        )
    (value,) = draft.emit(
        "MaxPool",
        draft.inputs(node),
        node.name,
        kernel_shape=list(kernel),
        strides=list(pair(layer.stride)),
        dilations=list(dilation),
        pads=pads,
    )
    return value


def emit_avg_pool(draft: Draft, node: Node) -> str:
    """Mean of windows.

    torch counts its padding as pixels (unless told otherwise) but never what ceil mode adds. ONNX
    counts all or none, so where both occur the mean over all is scaled. (Padding in an operator of
    its own computes wrong values in ONNX Runtime 1.20, which fuses it into the pooling.)
    """
    layer: Any = node.module
    if layer.divisor_override is not None:
        raise UserError(f"{node.name!r} has divisor_override, which ONNX cannot say. Use None.")
    padding, pads = pair(layer.padding), _pads(draft, node)
    counted = bool(layer.count_include_pad and any(padding))
    beyond = counted and pads != [*padding, *padding]
    values = draft.emit(
        "AveragePool",
        draft.inputs(node),
        f"{node.name}/all" if beyond else node.name,
        kernel_shape=list(pair(layer.kernel_size)),
        strides=list(pair(layer.stride)),
        pads=pads,
        count_include_pad=int(counted),
    )
    if beyond:
        scale = draft.store(f"{node.name}.scale", _full_over_counted(draft, node))
        values = draft.emit("Mul", [*values, scale], node.name)
    return values[0]


def _full_over_counted(draft: Draft, node: Node) -> Array:
    """Per output pixel: size of the window / pixels of it in image and padding."""
    layer: Any = node.module
    shares = []
    sides = draft.graph[node.inputs[0]].shape[1:]
    settings = (pair(layer.kernel_size), pair(layer.stride), pair(layer.padding))
    for side, out, k, s, p in zip(sides, node.shape[1:], *settings, strict=True):
        left = side + 2 * p - np.arange(out) * s
        shares.append(k / np.minimum(k, left))
    return np.outer(*shares).astype(np.float32)


def emit_adaptive_pool(draft: Draft, node: Node) -> str:
    """The mean of everything, or of equal tiles."""
    sides, out = draft.graph[node.inputs[0]].shape[1:], node.shape[1:]
    if out == (1, 1):
        return draft.emit("GlobalAveragePool", draft.inputs(node), node.name)[0]
    if any(side % o for side, o in zip(sides, out, strict=True)):
        raise UserError(
            f"{node.name!r} makes {out[0]} x {out[1]} of {sides[0]} x {sides[1]} pixels, in tiles "
            "of unequal size. Export needs sides that divide."
        )
    tile = [side // o for side, o in zip(sides, out, strict=True)]
    return draft.emit(
        "AveragePool", draft.inputs(node), node.name, kernel_shape=tile, strides=tile
    )[0]


def emit_zero_pad(draft: Draft, node: Node) -> str:
    """Every stride-th pixel, and channels of zeros behind."""
    layer: Any = node.module
    values = draft.inputs(node)
    if layer.stride > 1:
        values = draft.emit(
            "MaxPool",
            values,
            f"{node.name}/pixels",
            kernel_shape=[1, 1],
            strides=[layer.stride, layer.stride],
        )
    behind = layer.out_channels - layer.in_channels
    if behind:
        amount = np.array([0, 0, 0, 0, 0, behind, 0, 0], np.int64)
        values = draft.emit(
            "Pad", [*values, draft.store(f"{node.name}.padding", amount)], node.name
        )
    return values[0]


def _pads(draft: Draft, node: Node, *, dilation: _Sides = (1, 1)) -> list[int]:
    """Above, left, below, right: what makes the output as large as torch's."""
    layer: Any = node.module
    before, after = [], []
    axes = zip(
        draft.graph[node.inputs[0]].shape[1:],
        node.shape[1:],
        pair(layer.kernel_size),
        pair(layer.stride),
        dilation,
        window_padding(layer),
        strict=True,
    )
    for side, out, k, s, d, first in axes:
        needed = (out - 1) * s + d * (k - 1) + 1
        before.append(first)
        symmetric = 0 if isinstance(layer.padding, str) else first
        after.append(max(symmetric, needed - side - first))
    return [*before, *after]
