"""Convolution whose output maps see only some of the input maps."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SparseConv2d(nn.Module):
    """Convolution by a connection table: output map i reads the input maps `connections[i]`.

    Only the weights of connected pairs exist: `weight` has one kernel per pair, in the order of
    the table. Stride 1, no padding.

    Source: LeCun et al., Proc. IEEE 86(11), 1998, Table I.
    """

    pairs: Tensor  # position of each kernel among the out x in pairs of maps

    def __init__(
        self, in_channels: int, connections: tuple[tuple[int, ...], ...], kernel_size: int
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = len(connections)
        self.connections = connections
        self.kernel_size = kernel_size
        self.stride = 1
        self.padding = 0
        pairs = [i * in_channels + j for i, maps in enumerate(connections) for j in maps]
        self.register_buffer("pairs", torch.tensor(pairs))
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(self.out_channels))
        nn.init.normal_(self.weight, std=(len(pairs) / self.out_channels * kernel_size**2) ** -0.5)

    def dense_weight(self) -> Float[Tensor, "o i k k"]:
        """The weight of the equal ordinary convolution: zeros where maps are not connected."""
        k = self.kernel_size
        zeros = self.weight.new_zeros(self.out_channels * self.in_channels, k, k)
        dense = zeros.index_copy(0, self.pairs, self.weight)
        return dense.view(self.out_channels, self.in_channels, k, k)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The convolution of `x`."""
        return F.conv2d(x, self.dense_weight(), self.bias, self.stride, self.padding)
