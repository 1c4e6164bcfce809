"""Convolution after batch norm and ReLU: the order of pre-activation."""

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._conv import Sides, same_padding


class NormConv(nn.Module):
    """Batch norm, ReLU, then a convolution without bias; odd kernels keep the side at stride 1."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        stride: Sides = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=same_padding(kernel_size),
            groups=groups,
            bias=False,
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The convolution of the normalised, rectified `x`."""
        return self.conv(self.relu(self.norm(x)))
