"""Output shapes of layers in closed form: a module with a rule here is a leaf of the trace."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from convatlas.analysis._graph import Shape
from convatlas.layers import (
    ChannelShuffle,
    JoinShuffle,
    LearnedGroupConv,
    RadialBasis,
    SampleDrop,
    Scale,
    ScaledTanh,
    SelectChannels,
    SparseConv2d,
    SubSample,
    Survival,
    ZeroPadShortcut,
)

Rule = Callable[..., Shape]  # of the layer and the shape of each of its inputs


class Misfit(Exception):
    """An input that a layer cannot take; the tracer adds the layer's name."""


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """A setting that torch lets be one number for both sides."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def window_padding(layer: Any) -> tuple[int, int]:
    """Padding of a window above and left, in numbers.

    "same" keeps the side at stride 1; an odd surplus goes below and right, as in torch.
    """
    if layer.padding == "valid":
        return (0, 0)
    if layer.padding == "same":
        (kh, kw), (dh, dw) = pair(layer.kernel_size), pair(layer.dilation)
        return (dh * (kh - 1) // 2, dw * (kw - 1) // 2)
    return pair(layer.padding)


def _map(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise Misfit(f"takes feature maps (channels, height, width) but gets {shape}")
    return shape[0], shape[1], shape[2]


def _channels(expected: int, got: int) -> None:
    if expected != got:
        raise Misfit(f"takes {expected} channels but gets {got}")


def _conv(layer: nn.Conv2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.in_channels, channels)
    if layer.padding == "same":
        return (layer.out_channels, h, w)
    return (layer.out_channels, *_windows(layer, (h, w), dilation=pair(layer.dilation)))


def _sparse_conv(layer: SparseConv2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.in_channels, channels)
    return (layer.out_channels, *_windows(layer, (h, w)))


def _pointwise(layer: LearnedGroupConv, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.in_channels, channels)
    return (layer.out_channels, h, w)


def _windows(
    layer: Any, sides: tuple[int, int], *, dilation: tuple[int, int] = (1, 1), ceil: bool = False
) -> tuple[int, int]:
    kernel, stride, padding = pair(layer.kernel_size), pair(layer.stride), window_padding(layer)
    out = []
    for side, k, s, p, d in zip(sides, kernel, stride, padding, dilation, strict=True):
        room = side + 2 * p - d * (k - 1) - 1
        count = (room + s - 1 if ceil else room) // s + 1
        if ceil and (count - 1) * s >= side + p:  # no window starts in the padding behind
            count -= 1
        if count < 1:
            raise Misfit(f"has a window of {d * (k - 1) + 1} but gets a side of {side} + 2 x {p}")
        out.append(count)
    return out[0], out[1]


def _max_pool(layer: nn.MaxPool2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    dilation = pair(layer.dilation)
    return (channels, *_windows(layer, (h, w), dilation=dilation, ceil=layer.ceil_mode))


def _avg_pool(layer: nn.AvgPool2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    return (channels, *_windows(layer, (h, w), ceil=layer.ceil_mode))


def _adaptive_pool(layer: nn.AdaptiveAvgPool2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    size: Any = layer.output_size
    rows, columns = (size, size) if isinstance(size, int) else size
    return (channels, rows or h, columns or w)


def _linear(layer: nn.Linear, shape: Shape) -> Shape:
    if shape[-1] != layer.in_features:
        raise Misfit(f"takes {layer.in_features} features but gets {shape[-1]}")
    return (*shape[:-1], layer.out_features)


def _norm(layer: nn.BatchNorm2d, shape: Shape) -> Shape:
    _channels(layer.num_features, _map(shape)[0])
    return shape


def _flatten(layer: nn.Flatten, shape: Shape) -> Shape:
    return flat(shape)


def flat(shape: Shape) -> Shape:
    """All of an image in one row."""
    size = 1
    for side in shape:
        size *= side
    return (size,)


def _shuffle(layer: ChannelShuffle, shape: Shape) -> Shape:
    if _map(shape)[0] % layer.groups:
        raise Misfit(f"has {layer.groups} groups, which do not divide {shape[0]} channels")
    return shape


def _join_shuffle(layer: JoinShuffle, first: Shape, second: Shape) -> Shape:
    if _map(first) != _map(second):
        raise Misfit(f"joins halves that differ: {first} and {second}")
    return (2 * first[0], *first[1:])


def _zero_pad(layer: ZeroPadShortcut, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.in_channels, channels)
    return (layer.out_channels, -(-h // layer.stride), -(-w // layer.stride))


def _sub_sample(layer: SubSample, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.coefficient.numel(), channels)
    if min(h, w) < layer.kernel_size:
        raise Misfit(f"has a window of {layer.kernel_size} but gets {h} x {w} pixels")
    return (channels, h // layer.stride, w // layer.stride)


def _radial(layer: RadialBasis, shape: Shape) -> Shape:
    if shape != (layer.centres.shape[1],):
        raise Misfit(f"takes {layer.centres.shape[1]} features but gets {shape}")
    return (layer.centres.shape[0],)


def _select(layer: SelectChannels, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    _channels(layer.in_channels, channels)
    return (layer.out_channels, h, w)


def _constant_pad(layer: nn.ZeroPad2d, shape: Shape) -> Shape:
    channels, h, w = _map(shape)
    left, right, top, bottom = layer.padding
    sides = (h + top + bottom, w + left + right)
    if min(sides) < 1:
        raise Misfit(f"crops everything: padding {layer.padding} of {h} x {w} pixels")
    return (channels, *sides)


def _same(layer: nn.Module, shape: Shape) -> Shape:
    return shape


RULES: dict[type[nn.Module], Rule] = {
    nn.Conv2d: _conv,
    nn.Linear: _linear,
    nn.BatchNorm2d: _norm,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _adaptive_pool,
    nn.LocalResponseNorm: _same,
    nn.Flatten: _flatten,
    nn.ReLU: _same,
    nn.ReLU6: _same,
    nn.LeakyReLU: _same,
    nn.ELU: _same,
    nn.SiLU: _same,
    nn.Tanh: _same,
    nn.Sigmoid: _same,
    nn.Softmax: _same,
    nn.Identity: _same,
    nn.Dropout: _same,
    nn.ZeroPad2d: _constant_pad,
    SampleDrop: _same,
    Scale: _same,
    Survival: _same,
    SelectChannels: _select,
    ScaledTanh: _same,
    ChannelShuffle: _shuffle,
    JoinShuffle: _join_shuffle,
    ZeroPadShortcut: _zero_pad,
    SparseConv2d: _sparse_conv,
    LearnedGroupConv: _pointwise,
    SubSample: _sub_sample,
    RadialBasis: _radial,
}


def ruled(module: nn.Module) -> type[nn.Module] | None:
    """The class whose rule holds for `module`: its own or a parent whose forward it keeps."""
    kind = type(module)
    if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
        return None
    if kind in RULES:
        return kind
    for parent in kind.__mro__:
        if parent in RULES:
            return parent if parent.forward is kind.forward else None
    return None
