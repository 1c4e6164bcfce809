"""Residual units, and what may run beside them."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.layers._conv import ConvNorm
from convatlas.layers._shortcut import ZeroPadShortcut

ShortcutOption = Literal["A", "B", "C", "none"]
StrideIn = Literal["1x1", "3x3"]


def make_shortcut(
    option: ShortcutOption, in_channels: int, out_channels: int, stride: int
) -> nn.Module | None:
    """What is added to a unit's output; None when nothing is.

    Args:
        option: where the shape changes, "A" pads with zeros and "B" projects (1x1 convolution and
            batch norm), and elsewhere both are the identity; "C" projects everywhere; "none" is a
            plain net.

    Raises:
        UserError: for another option.
    """
    same_shape = stride == 1 and in_channels == out_channels
    if option == "none":
        return None
    if option == "C" or (option == "B" and not same_shape):
        return ConvNorm(in_channels, out_channels, 1, stride=stride)
    if option not in ("A", "B"):
        raise UserError(f"shortcut={option!r} is unknown. Use 'A', 'B', 'C' or 'none'.")
    return nn.Identity() if same_shape else ZeroPadShortcut(in_channels, out_channels, stride)


class BasicUnit(nn.Module):
    """3x3, 3x3, added to a shortcut; ReLU after the addition."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int, shortcut: ShortcutOption
    ) -> None:
        super().__init__()
        self.first = ConvNorm(
            in_channels, out_channels, 3, stride=stride, activation=nn.ReLU(inplace=True)
        )
        self.second = ConvNorm(out_channels, out_channels, 3)
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The unit's correction added to `x`, rectified."""
        f = self.second(self.first(x))
        return self.relu(f if self.shortcut is None else f + self.shortcut(x))


class BottleneckUnit(nn.Module):
    """1x1 reduce, 3x3, 1x1 restore, added to a shortcut; ReLU after the addition."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        *,
        stride: int,
        stride_in: StrideIn,
        shortcut: ShortcutOption,
    ) -> None:
        super().__init__()
        if stride_in not in ("1x1", "3x3"):
            raise UserError(f"stride_in={stride_in!r} is unknown. Use '1x1' or '3x3'.")
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.reduce = ConvNorm(
            in_channels, width, 1, stride=first, activation=nn.ReLU(inplace=True)
        )
        self.spatial = ConvNorm(width, width, 3, stride=second, activation=nn.ReLU(inplace=True))
        self.restore = ConvNorm(width, out_channels, 1)
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The unit's correction added to `x`, rectified."""
        f = self.restore(self.spatial(self.reduce(x)))
        return self.relu(f if self.shortcut is None else f + self.shortcut(x))
