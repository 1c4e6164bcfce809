"""What each kind of layer leaves for the backward pass, one row each.

Source: torch's `tools/autograd/derivatives.yaml` says what an operation saves; the temporaries were
read off the allocator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Literal

from convatlas.analysis import _convolution
from convatlas.analysis._layer import DENSE_BLOCK, RECOMPUTED, Layer
from convatlas.analysis.training_memory import _recomputed

Amount = Callable[[Layer], int]
Saved = Literal["input", "inputs", "output"]


def nothing(layer: Layer) -> int:
    """No bytes."""
    return 0


def _input(layer: Layer) -> int:
    return layer.input


def _output(layer: Layer) -> int:
    return layer.output


def _overwritten(layer: Layer) -> int:
    """Torch keeps a copy of an input that the gradient needs and the layer writes over."""
    return layer.input if layer.in_place else 0


def _statistics(layer: Layer) -> int:
    return 2 * 4 * layer.node.shape[0]  # mean and inverse deviation per channel


def _indices(layer: Layer) -> int:
    return 8 * layer.elements  # where each maximum was, int64


def _dense_weight(layer: Layer) -> int:
    """With zeros where a sparse convolution's maps are not connected."""
    conv = layer.module
    return int(layer.width * conv.out_channels * conv.in_channels * conv.kernel_size**2)


def _blocks(layer: Layer) -> int:
    """Maps in the order of a convolution's kernel."""
    return 0 if layer.conditions.channels_last else layer.input + layer.output


def _weight_copy(layer: Layer) -> int:
    return int(layer.module.weight.numel()) * layer.width


def _padded(layer: Layer) -> int:
    """Response normalisation's squares with maps of zeros beside them."""
    channels = layer.node.shape[0]
    return layer.output // channels * (channels + int(layer.module.size) - 1)


def _broadcast(layer: Layer) -> int:
    """A product's gradient before it is summed to the shape of a smaller factor."""
    return layer.output if min(layer.inputs) < layer.output else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a kind of layer does with memory.

    Args:
        output: "view" shares the input's storage; "new" takes its own, unless the layer runs in
            place.
        saves: what is kept of the tensors around it; weights are kept anyway.
        in_place_saves: the same, where the layer runs in place.
        own: bytes that it makes and keeps for the backward pass alone.
        gradient: of the input: "new" memory, new and "spread" map by map, the "same" as the
            output's, the same but "negated" for the second input, the same but "reordered"
            for those who read it, a "slice" of it for each input, or "gathered" from the slices
            that were read.
        forward: bytes of temporaries beside inputs and output.
        backward: bytes of temporaries beside what is saved, the gradients and those of the weights.
        whole: a slice is copied before it is read.
    """

    output: Literal["new", "view"] = "new"
    saves: Saved | None = None
    in_place_saves: Saved | None = None
    own: Amount = nothing
    gradient: Literal["new", "same", "negated", "reordered", "spread", "slice", "gathered"] = "new"
    forward: Amount = nothing
    backward: Amount = nothing
    whole: bool = False


_CONV = Row(
    saves="input",
    forward=_convolution.forward_scratch,
    backward=_convolution.backward_scratch,
    whole=True,
)
_ALIAS = Row(output="view", gradient="same")
_COPY = Row()
_ACTIVATION = Row(saves="input", in_place_saves="output")
_NEEDS_INPUT = Row(saves="input", own=_overwritten)
_SAVES_RESULT = Row(saves="output", in_place_saves="output")
_SPREAD = Row(gradient="spread")
_REORDERED = Row(gradient="reordered")
_PART = Row(output="view")
_SPLIT = Row(output="view", gradient="gathered")

UNKNOWN = Row(saves="inputs", own=_output)
"""Of a layer without a row: its inputs and as much as its output are taken to be saved."""

ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "Conv2d": _CONV,
        "SparseConv2d": Row(
            saves="input",
            own=_dense_weight,
            forward=_blocks,
            backward=lambda x: _blocks(x) + 2 * _dense_weight(x),
        ),
        "LearnedGroupConv": Row(
            saves="input",
            own=lambda x: _weight_copy(x) + int(x.module.weight.numel()),  # masked weight, mask
            forward=_convolution.forward_scratch,
            backward=lambda x: _convolution.backward_scratch(x) + _weight_copy(x),
            whole=True,
        ),
        RECOMPUTED: Row(
            saves="input",
            own=lambda x: 8 * x.in_shape[0],
            forward=_recomputed.forward_scratch,
            backward=_recomputed.backward_scratch,
        ),
        DENSE_BLOCK: Row(
            saves="output",
            own=_recomputed.kept_between,
            forward=_recomputed.block_forward_scratch,
            backward=_recomputed.block_backward_scratch,
        ),
        "Linear": Row(saves="input", whole=True),
        "BatchNorm2d": Row(saves="input", own=_statistics, backward=_output),
        "LocalResponseNorm": Row(
            saves="input",
            own=lambda x: 2 * x.output + _padded(x),
            backward=lambda x: 3 * x.output,
        ),
        "ReLU": _SAVES_RESULT,
        "ReLU6": _NEEDS_INPUT,
        "LeakyReLU": _ACTIVATION,
        "ELU": _ACTIVATION,
        "SiLU": _NEEDS_INPUT,
        "Tanh": _SAVES_RESULT,
        "Sigmoid": _SAVES_RESULT,
        "Softmax": _SAVES_RESULT,
        "ScaledTanh": Row(own=_output),
        "MaxPool2d": Row(saves="input", own=_indices, whole=True),
        "AvgPool2d": Row(saves="input", whole=True),
        "AdaptiveAvgPool2d": Row(saves="input", whole=True),
        "SubSample": Row(saves="input", own=_output, forward=_output, backward=_output),
        "Dropout": Row(own=_output),
        "SampleDrop": Row(forward=_output, backward=_output),
        "Scale": _COPY,
        "ZeroPad2d": _COPY,
        "SelectChannels": _SPREAD,
        "ChannelShuffle": _COPY,
        "JoinShuffle": Row(gradient="slice"),
        "ZeroPadShortcut": _SPREAD,
        "RadialBasis": Row(own=lambda x: x.batch * 4 * x.module.centres.numel()),
        "Identity": _ALIAS,
        "Survival": _ALIAS,
        "Flatten": _ALIAS,
        "flatten": _ALIAS,
        "chunk": _SPLIT,
        "getitem": _ALIAS,
        **dict.fromkeys(("pad", "clone", "neg", "reshape"), _COPY),
        **dict.fromkeys(("mean", "index_select"), _SPREAD),
        **dict.fromkeys(("hardtanh", "clamp", "gelu", "pow", "abs", "log"), _ACTIVATION),
        **dict.fromkeys(("hardswish", "hardsigmoid", "softplus", "mish"), _ACTIVATION),
        **dict.fromkeys(("exp", "sqrt", "log_softmax"), _SAVES_RESULT),
        **dict.fromkeys(("div", "truediv"), Row(saves="inputs", backward=_broadcast)),
        **dict.fromkeys(("layer_norm", "group_norm"), Row(saves="input", whole=True)),
        "stack": Row(gradient="slice"),
        "add": Row(gradient="same"),
        "sub": Row(gradient="negated"),
        "mul": Row(saves="inputs", backward=_broadcast),
        "cat": Row(gradient="slice"),
    }
)


def row_of(layer: Layer) -> Row | None:
    """The row for a layer as it trains; None for a kind without one."""
    kind, module = layer.node.kind, layer.module
    if kind == "AdaptiveAvgPool2d" and layer.node.shape[1:] == (1, 1):
        return _SPREAD
    if (kind == "Dropout" and not module.p) or (kind == "SampleDrop" and module.survival == 1):
        return _ALIAS
    if kind in ("Flatten", "flatten") and _reordered(layer):
        return _REORDERED
    if kind in ("mul", "div", "truediv") and len(layer.inputs) == 1 and not layer.node.parameters:
        return _COPY  # by a constant
    return ROWS.get(kind) or _by_memory(layer)


def _by_memory(layer: Layer) -> Row | None:
    """Views of all or some of their input save nothing."""
    if layer.node.owner == layer.node.name or layer.node.in_place:
        return None
    return _ALIAS if layer.input == layer.output else _PART


def _reordered(layer: Layer) -> bool:
    """Flattening copies maps of several pixels that lie pixel by pixel."""
    shape = layer.in_shape
    return (
        layer.conditions.channels_last and shape[0] > 1 and len(shape) > 1 and prod(shape[1:]) > 1
    )
