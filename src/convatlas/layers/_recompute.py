"""Dense blocks and transitions that train without keeping joined or normalised maps.

A dense layer reads the maps of all layers before it. Kept for the backward pass, its joined input
and the normalised copy of it make memory grow with the square of the depth. Here the maps of a
block lie in one tensor from the start, its output: a layer reads the first channels of it and
writes its own behind them. Normalised maps are made again when the gradient is computed; no
convolution and no mean runs twice.

Source: the idea is Pleiss et al., arXiv:1707.06990, whose shared buffer for joined maps is the
output itself here, and for normalised maps a few images long.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from convatlas.errors import UserError
from convatlas.layers._normed_conv import (
    Gradient,
    Maps,
    Moments,
    NormedConv,
    memory_format,
    parts,
)

Step = tuple[nn.BatchNorm2d, nn.Conv2d]
_ALL = slice(None)


def is_recomputable(norm: nn.Module, conv: nn.Module) -> bool:
    """Whether these two, with a ReLU between them, can be recomputed.

    Batch norm must be torch's own, in training mode, with scale, shift and running statistics with
    a momentum; the convolution must have no bias, and zeros as its padding.
    """
    return (
        type(norm) is nn.BatchNorm2d
        and type(conv) is nn.Conv2d
        and norm.training
        and norm.affine
        and norm.running_mean is not None
        and norm.momentum is not None
        and conv.bias is None
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
    )


def recomputed_norm_conv(
    norm: nn.BatchNorm2d, conv: nn.Conv2d, x: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n c2 h2 w2"]:
    """`conv(relu(norm(x)))` in training, keeping `x` alone: equal but for rounding.

    Gradients of gradients are not available.

    Raises:
        UserError: unless `is_recomputable`, or if channels have one number only.
    """
    return _applied(_NormConv, (((norm, conv),),), x)


def recomputed_dense_block(
    x: Float[Tensor, "n c h w"], layers: Sequence[Sequence[Step]]
) -> Float[Tensor, "n c2 h w"]:
    """`x` and behind it the new maps of every layer, made of all maps before; for training.

    A layer is one or more steps of batch norm, ReLU and convolution, which keep height and width.
    Kept are the result and what layers have between their steps: memory that grows with the number
    of layers. Equal to the plain block but for rounding. Gradients of gradients are not available.

    Raises:
        UserError: unless every step `is_recomputable`, or if channels have one number only.
    """
    return _applied(_DenseBlock, tuple(map(tuple, layers)), x)


def _applied(function: Any, layers: tuple[tuple[Step, ...], ...], x: Tensor) -> Tensor:
    steps = [step for layer in layers for step in layer]
    if not all(is_recomputable(norm, conv) for norm, conv in steps):
        raise UserError(
            "Only torch's batch norm in training mode, with scale, shift and momentum, and a "
            "convolution without bias can be recomputed."
        )
    if x.shape[0] * x.shape[2] * x.shape[3] < 2:
        raise UserError("Batch norm in training needs more than one number per channel.")
    kind = x.device.type
    kernels = [conv.weight for _, conv in steps]
    if torch.is_autocast_enabled(kind):
        x, *kernels = (t.to(torch.get_autocast_dtype(kind)) for t in (x, *kernels))
    learned = []
    for (norm, _), kernel in zip(steps, kernels, strict=True):
        learned += [norm.weight, norm.bias, kernel]
    with torch.autocast(kind, enabled=False):
        found: Tensor = function.apply(layers, x, *learned)
    return found


class _NormConv(torch.autograd.Function):
    """Saves the input with its moments, and what was learned."""

    @staticmethod
    def forward(
        ctx: Any, layers: tuple[tuple[Step, ...], ...], x: Tensor, *learned: Tensor
    ) -> Tensor:
        """The convolution; running statistics are updated."""
        (((norm, conv),),) = layers
        maps = Maps(x, *_moments(x))
        _update(norm, maps)
        normed_conv = _normed_conv((norm, conv), *learned)
        out = _new_maps(x, conv.out_channels, normed_conv.convolved(x[:1]).shape[2:])
        normed_conv.run(maps, out)
        ctx.step = (norm, conv)
        ctx.save_for_backward(*learned, x, maps.mean, maps.variance)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input, and of scale, shift and kernel."""
        *learned, x, mean, variance = ctx.saved_tensors
        maps = Maps(x, mean, variance)
        to_x = Gradient(maps)
        found = _normed_conv(ctx.step, *learned).run_back(maps, gradient.__getitem__, to_x)
        return (None, to_x.finished(), *found)


class _DenseBlock(torch.autograd.Function):
    """Saves the result with its moments, what is between the steps, and what was learned."""

    @staticmethod
    def forward(
        ctx: Any, layers: tuple[tuple[Step, ...], ...], x: Tensor, *learned: Tensor
    ) -> Tensor:
        """All maps; running statistics are updated."""
        at = x.shape[1]
        maps = _room_for(x, at + sum(layer[-1][1].out_channels for layer in layers))
        maps.values[:, :at] = x
        maps.mean[:at], maps.variance[:at] = _moments(x)
        waiting, kept = _triples(learned), []
        for layer in layers:
            before = maps.first(at)
            new = slice(at, at + layer[-1][1].out_channels)
            for place, step in enumerate(layer):
                last = place == len(layer) - 1
                out = maps.values[:, new] if last else _new_maps(x, step[1].out_channels)
                _update(step[0], before)
                before = Maps(out, *_normed_conv(step, *next(waiting)).run(before, out))
                kept += [] if last else [before.values, before.mean, before.variance]
            maps.mean[new], maps.variance[new] = before.mean, before.variance
            at = new.stop
        ctx.layers = layers
        ctx.save_for_backward(*learned, *kept, maps.values, maps.mean, maps.variance)
        return maps.values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the block's input, and of scale, shift and kernel of every step."""
        layers: tuple[tuple[Step, ...], ...] = ctx.layers
        saved = ctx.saved_tensors
        learned = saved[: 3 * sum(map(len, layers))]
        *between, maps = (Maps(*x) for x in _triples(saved[len(learned) :]))
        at = maps.values.shape[1]
        whole = Gradient(maps, gradient.clone(memory_format=memory_format(maps.values)))
        found: list[Tensor] = []
        waiting = _triples(learned[::-1])
        for layer in reversed(layers):
            channels, given = slice(at - layer[-1][1].out_channels, at), whole
            at = channels.start
            for place, step in reversed(tuple(enumerate(layer))):
                kernel, shift, scale = next(waiting)
                before = between.pop() if place else maps.first(at)
                to_before = Gradient(before) if place else whole
                normed_conv = _normed_conv(step, scale, shift, kernel)
                found += normed_conv.run_back(before, partial(given.read, channels), to_before)[
                    ::-1
                ]
                channels, given = _ALL, to_before
        return (None, whole.read(slice(at), _ALL), *found[::-1])


def _triples(learned: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    return zip(learned[::3], learned[1::3], learned[2::3], strict=True)


def _normed_conv(step: Step, scale: Tensor, shift: Tensor, kernel: Tensor) -> NormedConv:
    norm, conv = step
    return NormedConv(
        scale=scale,
        shift=shift,
        kernel=kernel,
        eps=norm.eps,
        stride=list(conv.stride),
        padding=list(cast(tuple[int, ...], conv.padding)),
        dilation=list(conv.dilation),
        groups=conv.groups,
    )


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    found = Moments()
    for part in parts(x):
        found.add(x[part])
    return found.of_all()


def _update(norm: nn.BatchNorm2d, maps: Maps) -> None:
    """The running statistics, as the norm does it itself in training."""
    if not norm.track_running_stats:
        return
    mean, variance = cast(tuple[Tensor, Tensor], (norm.running_mean, norm.running_var))
    momentum = cast(float, norm.momentum)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    mean.lerp_(maps.mean, momentum)
    variance.lerp_(maps.variance * (maps.count / (maps.count - 1)), momentum)


def _room_for(x: Tensor, channels: int) -> Maps:
    """Maps of so many channels that lie in memory as `x` does, and their moments."""
    exact = torch.promote_types(x.dtype, torch.float32)
    mean, variance = (x.new_empty(channels, dtype=exact) for _ in range(2))
    return Maps(_new_maps(x, channels), mean, variance)


def _new_maps(like: Tensor, channels: int, sides: Sequence[int] = ()) -> Tensor:
    shape = (len(like), channels, *(sides or like.shape[2:]))
    return torch.empty(
        shape, dtype=like.dtype, device=like.device, memory_format=memory_format(like)
    )
