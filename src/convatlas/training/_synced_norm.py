"""Batch norm over the images of all processes, on any device.

torch's SyncBatchNorm knows CUDA devices only.
"""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce  # differentiable: gradients are summed too


class SyncedNorm(nn.BatchNorm2d):
    """In training: mean and variance over every process's part, which must be equally large."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalised `x`; running statistics follow as with batch norm over the whole batch."""
        if not self.training:
            return super().forward(x)
        size = dist.get_world_size()
        axes = (0, 2, 3)
        mean = _mean(x.mean(axes), size)
        centred = x - mean.view(1, -1, 1, 1)
        variance = _mean(centred.square().mean(axes), size)
        self._follow(mean.detach(), variance.detach(), size * x.numel() // x.shape[1])
        scale = torch.rsqrt(variance + self.eps)
        y = centred * scale.view(1, -1, 1, 1)
        if self.affine:
            y = y * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return y

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked or 1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / max(1, count - 1), momentum)


def _mean(values: Tensor, size: int) -> Tensor:
    """Over the processes; gradients are those of the sum of all processes' losses."""
    total: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
    return total / size


def synchronise_norms(net: nn.Module) -> int:
    """Make every batch norm of `net` one over all processes, in place; how many there were."""
    norms = [module for module in net.modules() if type(module) is nn.BatchNorm2d]
    for norm in norms:
        norm.__class__ = SyncedNorm
    return len(norms)
