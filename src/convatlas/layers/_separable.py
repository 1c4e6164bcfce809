"""The depthwise separable convolution."""

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._conv import Sides, same_padding


class SeparableConv(nn.Module):
    """A convolution of each channel on its own, then a 1x1; no bias, and nothing between them."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        stride: Sides = 1,
        padding: Sides | None = None,
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride=stride,
            padding=same_padding(kernel_size) if padding is None else padding,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Filtered per channel, then mixed."""
        return self.pointwise(self.depthwise(x))
