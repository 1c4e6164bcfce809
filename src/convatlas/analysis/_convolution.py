"""What convolutions need beside their input, output and gradients.

oneDNN's kernels want maps and weights in an order of their own. Where a tensor lies otherwise,
torch makes a copy in that order and keeps it while the kernel runs: of the maps only when they lie
map by map, of the weights always. A few small convolutions take another way and unfold their input
into columns: `aten/src/ATen/native/Convolution.cpp` has the condition (`use_mkldnn`), of which the
part for a single thread is left out here.
"""

import os
from functools import cache
from math import prod

import torch

from convatlas.analysis._layer import Layer
from convatlas.analysis._shapes import pair

_PLAIN = 8  # channels below which an input is read as it is
_HALF, _SINGLE = 2, 4  # bytes of an element
_SMALL = 20480  # elements of a batch below which torch unfolds
_SMALL_KERNEL = 3
_THREADS = 2


@cache
def channel_block() -> int:
    """Channels that oneDNN keeps together on this CPU: a register's width of float32."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return 16 if wide and (not limit or "AVX512" in limit or limit in ("ALL", "DEFAULT")) else 8


def forward_scratch(layer: Layer) -> int:
    """Bytes beside input and output."""
    copy = layer.input if layer.sliced else 0
    if unfolds(layer):
        return copy + _columns(layer)
    weights = _weights(layer)
    if layer.conditions.channels_last:
        return copy + weights
    blocked, channels = _blocked_output(layer), layer.node.shape[0]
    weights = weights // channels * _filled(channels, channel_block())
    before = _blocked_input(layer) + weights + _gathered(layer)
    return copy + max(blocked - layer.output + before, blocked)


def backward_scratch(layer: Layer) -> int:
    """Bytes beside the saved input, the gradients of the output, the input and the weights."""
    copy = layer.input if layer.sliced else 0
    if unfolds(layer):
        return copy + _columns(layer)
    weights = _weights(layer)
    if layer.conditions.channels_last:
        return copy + weights + _gradient_of_weights(layer)
    gradient = _blocked_output(layer)
    if _plain_gradient(layer):
        return copy + max(gradient, weights)
    if max(pair(layer.module.stride)) > 1:
        gradient = max(gradient, layer.input)  # its gradient is copied once more
    return copy + max(_blocked_input(layer) + gradient, weights)


def unfolds(layer: Layer) -> bool:
    """Whether torch unfolds the input into columns instead of calling oneDNN."""
    if layer.width != _SINGLE:
        return layer.width > _SINGLE
    kernel = pair(layer.module.kernel_size)
    return (
        layer.batch == 1
        and layer.module.groups == 1
        and min(kernel) <= _SMALL_KERNEL
        and prod(layer.in_shape) <= _SMALL
    )


def _gathered(layer: Layer) -> int:
    """What each thread gathers of an image for a 1x1 convolution that skips pixels."""
    strides, shape = pair(layer.module.stride), layer.node.shape
    if pair(layer.module.kernel_size) != (1, 1) or strides == (1, 1):
        return 0
    even = tuple(a * s for a, s in zip(shape[1:], strides, strict=True)) == layer.in_shape[1:]
    return _THREADS * layer.in_shape[0] * prod(shape[1:]) * layer.width if even else 0


def _columns(layer: Layer) -> int:
    kernel = prod(pair(layer.module.kernel_size))
    if kernel == 1:
        return 0
    pixels = prod(layer.node.shape[1:])
    return layer.batch * layer.in_shape[0] * kernel * pixels * layer.width


def _weights(layer: Layer) -> int:
    return int(layer.module.weight.numel()) * layer.width


def _gradient_of_weights(layer: Layer) -> int:
    """As oneDNN holds it: the channels of every group are filled up to whole blocks.

    Half precision is summed up in float32 beside it.
    """
    conv, weights = layer.module, _weights(layer)
    inputs, outputs = conv.in_channels // conv.groups, conv.out_channels // conv.groups
    half = layer.width == _HALF and conv.groups > 1
    if inputs == outputs == 1 and max(pair(conv.kernel_size)) <= _SMALL_KERNEL and not half:
        return weights
    filled = _filled(inputs, channel_block()) * _filled(outputs, channel_block())
    return weights // (inputs * outputs) * filled * (3 if half else 1)


def _plain_gradient(layer: Layer) -> bool:
    """Whether the gradient of weights is computed without copies of the maps."""
    conv = layer.module
    narrow = conv.groups > 1 and conv.in_channels // conv.groups % _PLAIN
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    return bool(narrow) and not (depthwise and max(pair(conv.kernel_size)) <= _SMALL_KERNEL)


def _blocked_input(layer: Layer) -> int:
    channels = layer.in_shape[0]
    return 0 if channels < _PLAIN else layer.input // channels * _filled(channels, channel_block())


def _blocked_output(layer: Layer) -> int:
    channels = layer.node.shape[0]
    return layer.output // channels * _filled(channels, channel_block())


def _filled(channels: int, block: int) -> int:
    return -(-channels // block) * block
