"""Batch norm over the images of all processes, on any device.

torch's SyncBatchNorm knows CUDA devices only.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


class SyncedNorm(nn.BatchNorm2d):
    """In training: mean and variance over every process's part of the batch."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalised `x`; running statistics follow as with batch norm over the whole batch."""
        if not self.training:
            return super().forward(x)
        axes = (0, 2, 3)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        own = wide.new_tensor([x.numel() // x.shape[1]])
        total = _summed(torch.cat([wide.sum(axes), own]))
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = wide - mean.view(1, -1, 1, 1)
        variance = _summed(centred.square().sum(axes)) / count
        self._follow(mean.detach(), variance.detach(), count)
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        y = centred * scale.view(1, -1, 1, 1)
        if self.affine:
            y = y + self.bias.view(1, -1, 1, 1)
        return y.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if not self.track_running_stats:  # recomputing: the statistics have seen this batch
            return
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked or 1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), momentum)


def _summed(values: Tensor) -> Tensor:
    """Over the processes; gradients are those of the sum of all processes' losses."""
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]  # torch has no types here
    return total


class _Sum(torch.autograd.Function):
    """A sum over processes whose gradient is one, too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """What every process gets."""
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Of the part that this process gave."""
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def synchronise_norms(net: nn.Module) -> int:
    """Make every batch norm of `net` one over all processes, in place; how many there were."""
    norms = [module for module in net.modules() if type(module) is nn.BatchNorm2d]
    for norm in norms:
        norm.__class__ = SyncedNorm
    return len(norms)
