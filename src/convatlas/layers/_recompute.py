"""Joining, batch norm, ReLU and convolution in one step that keeps nothing but its inputs.

A dense layer reads the maps of all layers before it. Kept for the backward pass, its joined input
and the normalised copy of it make memory grow with the square of the depth. Here both are made
again when the gradient is computed, from inputs that exist anyway; the batch's statistics are kept,
so no reduction and no convolution runs twice.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from convatlas.errors import UserError

_aten = torch.ops.aten


def recomputed_norm_conv(
    norm: nn.BatchNorm2d, conv: nn.Conv2d, *inputs: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n c2 h2 w2"]:
    """`conv(relu(norm(cat(inputs))))` in training mode: equal values, gradients and statistics.

    Gradients of gradients are not available.

    Raises:
        UserError: for a convolution with a bias, or a norm that is not in training mode or keeps no
            running statistics with a momentum.
    """
    if conv.bias is not None or not norm.training or norm.momentum is None or not norm.affine:
        raise UserError(
            "Only batch norm in training mode, with scale, shift and momentum, and a convolution "
            "without bias can be recomputed."
        )
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    weights = (norm.weight, norm.bias, conv.weight)
    # torch declares `apply` without types
    found: Tensor = _NormConv.apply(norm, conv, *weights, *inputs)  # type: ignore[no-untyped-call]
    return found


class _NormConv(torch.autograd.Function):
    """Saves inputs, weights and the batch's statistics."""

    @staticmethod
    def forward(
        ctx: Any,
        norm: nn.BatchNorm2d,
        conv: nn.Conv2d,
        scale: Tensor,
        shift: Tensor,
        kernel: Tensor,
        *inputs: Tensor,
    ) -> Tensor:
        """The convolution; running statistics are updated."""
        joined = torch.cat(inputs, dim=1)
        y, mean, inverse = torch.native_batch_norm(
            joined,
            scale,
            shift,
            norm.running_mean,
            norm.running_var,
            True,
            norm.momentum or 0.0,
            norm.eps,
        )
        ctx.eps = norm.eps
        ctx.windows = (list(conv.stride), list(_sides(conv.padding)), list(conv.dilation))
        ctx.groups = conv.groups
        ctx.save_for_backward(scale, shift, kernel, mean, inverse, *inputs)
        stride, padding, dilation = ctx.windows
        return torch.conv2d(y.relu_(), kernel, None, stride, padding, dilation, conv.groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of scale, shift, kernel and inputs."""
        scale, shift, kernel, mean, inverse, *inputs = ctx.saved_tensors
        joined = torch.cat(inputs, dim=1)
        variance = inverse.square().reciprocal() - ctx.eps
        y = torch.batch_norm(
            joined, scale, shift, mean, variance, False, 0.0, ctx.eps, False
        ).relu_()
        stride, padding, dilation = ctx.windows
        to_y, to_kernel, _ = _aten.convolution_backward(
            gradient, y, kernel, None, stride, padding, dilation, False, [0, 0], ctx.groups,
            [True, True, False],
        )  # fmt: skip
        to_y = _aten.threshold_backward(to_y, y, 0)
        del y
        to_joined, to_scale, to_shift = _aten.native_batch_norm_backward(
            to_y, joined, scale, None, None, mean, inverse, True, ctx.eps, [True, True, True]
        )
        parts = torch.split(to_joined, [x.shape[1] for x in inputs], dim=1)
        return (None, None, to_scale, to_shift, to_kernel, *parts)


def _sides(padding: Any) -> tuple[int, int]:
    if isinstance(padding, str):
        raise UserError(f"padding={padding!r} cannot be recomputed. Use numbers.")
    return padding[0], padding[1]
