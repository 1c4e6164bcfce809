"""The separable convolution in the order ReLU, convolution, batch norm."""

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._separable import SeparableConv
from convatlas.layers._tf_same import tf_same


class ReluSeparable(nn.Module):
    """ReLU, a separable convolution with TensorFlow's "same" padding, batch norm.

    Args:
        side: of the maps that it reads; the padding follows from it.
        eps: of the batch norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        side: int,
        stride: int = 1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.pad, padding = tf_same(side, kernel_size, stride)
        self.conv = SeparableConv(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The normalised convolution of the rectified `x`."""
        return self.norm(self.conv(self.pad(self.relu(x))))
