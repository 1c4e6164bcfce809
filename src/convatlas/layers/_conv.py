"""Convolution, batch norm and activation in their usual order."""

from jaxtyping import Float
from torch import Tensor, nn

Sides = int | tuple[int, int]  # one number for both, or height and width


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, then `activation` when one is given.

    Args:
        padding: None keeps the side at stride 1 (odd kernels).
        eps: of the batch norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        stride: Sides = 1,
        padding: Sides | None = None,
        groups: int = 1,
        eps: float = 1e-5,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=same_padding(kernel_size) if padding is None else padding,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The activated, normalised convolution of `x`."""
        return self.activation(self.norm(self.conv(x)))


def same_padding(kernel_size: Sides) -> Sides:
    """The padding that keeps the side at stride 1; kernels are odd."""
    if isinstance(kernel_size, int):
        return kernel_size // 2
    return kernel_size[0] // 2, kernel_size[1] // 2
