"""Batch norm, ReLU and convolution of a batch, a few images at a time.

The mean and variance of a channel are the same for every layer that reads it, so they are found
once, where the channel is made. Normalised maps then need no memory of their own: they are made for
a few images, which a processor's cache holds, just before the convolution reads them; in the
backward pass again.

With t the gradient of a batch norm's output, that of its input is factor * t + slope * input +
offset in each channel. The factor is known beforehand; slope and offset are sums over the batch.
They are added up for all layers that read a channel and applied when its gradient is read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten
_PART_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Maps:
    """Maps of a batch [n, c, h, w] with each channel's mean and variance in it [c]."""

    values: Tensor
    mean: Tensor
    variance: Tensor

    def first(self, channels: int) -> "Maps":
        """The first channels."""
        values = self.values[:, :channels]
        return Maps(values, self.mean[:channels], self.variance[:channels])

    @property
    def count(self) -> int:
        """Numbers of a channel."""
        return self.values.shape[0] * self.values.shape[2] * self.values.shape[3]


class Moments:
    """Mean and variance of each channel, gathered from some images at a time."""

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []

    def add(self, maps: Tensor) -> None:
        """Take in some images."""
        exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
        mean, variance = torch.batch_norm_update_stats(exact, None, None, 0.0)
        self._counts.append(len(maps))
        self._means.append(mean)
        self._variances.append(variance)

    def of_all(self) -> tuple[Tensor, Tensor]:
        """Of all images: the mean of means, and the mean of variances plus that of the means."""
        means, variances = torch.stack(self._means), torch.stack(self._variances)
        counts = means.new_tensor(self._counts)
        shares = (counts / counts.sum())[:, None]
        mean = (shares * means).sum(0)
        return mean, (shares * (variances + (means - mean).square())).sum(0)


class Gradient:
    """The gradient of maps while it is added up: `whole` + slope * maps + offset.

    Args:
        whole: what it is before anything is added; it is written over. None for nothing: then the
            first to add must add to all channels.
    """

    def __init__(self, maps: Maps, whole: Tensor | None = None) -> None:
        self._maps = maps.values
        self._empty = whole is None
        self._whole = torch.empty_like(maps.values) if whole is None else whole
        self._slope = torch.zeros_like(maps.mean)
        self._offset = torch.zeros_like(maps.mean)

    def add(self, part: slice, factor: Tensor, gradient: Tensor) -> None:
        """Add `factor` * `gradient` to the first channels of some images."""
        into = self._whole[part, : gradient.shape[1]]
        if self._empty:
            torch.mul(gradient, factor, out=into)
        else:
            into.addcmul_(gradient, factor)

    def add_line(self, slope: Tensor, offset: Tensor) -> None:
        """Add `slope` * maps + `offset` to the first channels of all images."""
        self._slope[: len(slope)] += slope
        self._offset[: len(offset)] += offset
        self._empty = False

    def read(self, channels: slice, part: slice) -> Tensor:
        """The sum for some channels and images, to which nothing is added any more."""
        slope, offset = over_maps(self._slope[channels]), over_maps(self._offset[channels])
        line = torch.addcmul(offset, self._maps[part, channels], slope)
        return line.add_(self._whole[part, channels]).to(self._maps.dtype)

    def finished(self) -> Tensor:
        """The sum for all channels and images, to which nothing is added any more."""
        whole = self._whole.addcmul_(self._maps, over_maps(self._slope))
        return whole.add_(over_maps(self._offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class NormedConv:
    """What a batch norm, a ReLU and a convolution without bias compute in training."""

    scale: Tensor
    shift: Tensor
    kernel: Tensor
    eps: float
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int

    def run(self, maps: Maps, out: Tensor) -> tuple[Tensor, Tensor]:
        """Write the convolution's output to `out`; the mean and variance of its channels."""
        factor, shift = self._line(maps)
        room, moments = _room(maps.values), Moments()
        for part in parts(maps.values):
            y = _activated(maps.values[part], factor, shift, room)
            made = self.convolved(y)
            out[part] = made
            moments.add(made)
        return moments.of_all()

    def run_back(
        self, maps: Maps, given: Callable[[slice], Tensor], to_maps: Gradient
    ) -> tuple[Tensor, ...]:
        """Gradients of scale, shift and kernel; that of `maps` is added to `to_maps`.

        Args:
            given: the gradient of the convolution's output for some images.
        """
        factor, shift = self._line(maps)
        inverse = (maps.variance + self.eps).rsqrt()
        found = tuple(torch.zeros_like(x) for x in (self.scale, self.shift, self.kernel))
        room, copy = _room(maps.values), _room(maps.values)
        for part in parts(maps.values):
            x = copy[: len(maps.values[part])].copy_(maps.values[part])
            y = _activated(x, factor, shift, room)
            to_y, to_kernel = self._convolved_back(given(part), y)
            _aten.threshold_backward.grad_input(to_y, y, 0, grad_input=to_y)
            _, to_scale, to_shift = _aten.native_batch_norm_backward(
                to_y, x, self.scale, None, None, maps.mean, inverse, True, self.eps,
                [False, True, True],
            )  # fmt: skip
            for total, term in zip(found, (to_scale, to_shift, to_kernel), strict=True):
                total += term
            to_maps.add(part, factor, to_y)
        share = -factor.flatten() / maps.count
        slope = share * inverse * found[0]
        to_maps.add_line(slope, share * found[1] - slope * maps.mean)
        return found

    def convolved(self, y: Tensor) -> Tensor:
        """The convolution alone."""
        return torch.conv2d(
            y, self.kernel, None, self.stride, self.padding, self.dilation, self.groups
        )

    def _line(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """Batch norm as a factor and a shift."""
        factor = self.scale * (maps.variance + self.eps).rsqrt()
        return over_maps(factor), over_maps(self.shift - maps.mean * factor)

    def _convolved_back(self, gradient: Tensor, y: Tensor) -> Any:
        to_y, to_kernel, _ = _aten.convolution_backward(
            gradient, y, self.kernel, None, self.stride, self.padding, self.dilation, False,
            [0, 0], self.groups, [True, True, False],
        )  # fmt: skip
        return to_y, to_kernel


def parts(maps: Tensor) -> Iterator[slice]:
    """The images, as many at a time as a processor's cache holds; on other devices all at once."""
    images = few = maps.shape[0]
    if maps.device.type == "cpu":
        few = max(1, _PART_BYTES // max(1, maps[0].numel() * maps.itemsize))
    for start in range(0, images, few):
        yield slice(start, min(start + few, images))


def memory_format(maps: Tensor) -> torch.memory_format:
    """How maps lie in memory, which may be some channels of wider ones."""
    last = maps.shape[1] > 1 and maps.stride(1) == 1
    return torch.channels_last if last else torch.contiguous_format


def over_maps(channels: Tensor) -> Tensor:
    """A number per channel as [1, c, 1, 1]."""
    return channels[None, :, None, None]


def _room(maps: Tensor) -> Tensor:
    """Memory for one part of the images."""
    return torch.empty_like(maps[next(parts(maps))], memory_format=memory_format(maps))


def _activated(maps: Tensor, factor: Tensor, shift: Tensor, room: Tensor) -> Tensor:
    y = room[: len(maps)]
    torch.addcmul(shift, maps, factor, out=y)
    return y.relu_()
