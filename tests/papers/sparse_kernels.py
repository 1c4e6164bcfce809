"""Group convolutions and permutations as matrices with zeros, and their product."""

import torch
from torch import Tensor, nn

from convatlas.layers import ChannelShuffle


def dense(conv: nn.Conv2d) -> Tensor:
    """The kernel [out, in, h, w] with zeros between the groups."""
    out, per_group, *window = conv.weight.shape
    kernel = torch.zeros(out, conv.in_channels, *window, dtype=torch.float64)
    for o in range(out):
        start = o // (out // conv.groups) * per_group
        kernel[o, start : start + per_group] = conv.weight[o]
    return kernel


def permutation(groups: int, channels: int) -> Tensor:
    """P: output j * groups + i is input i * (channels / groups) + j, channel j of group i."""
    matrix = torch.zeros(channels, channels, dtype=torch.float64)
    for i in range(groups):
        for j in range(channels // groups):
            matrix[j * groups + i, i * (channels // groups) + j] = 1
    return matrix


def composed(block: nn.Sequential) -> Tensor:
    """P_L W_L ... P_1 W_1 as one kernel."""
    first, *others = block
    product = dense(first)
    for layer in others:
        if isinstance(layer, ChannelShuffle):
            matrix = permutation(layer.groups, product.shape[0])
        else:
            matrix = dense(layer)[:, :, 0, 0]
        product = torch.einsum("om,mihw->oihw", matrix, product)
    return product
