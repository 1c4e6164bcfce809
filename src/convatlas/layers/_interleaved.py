"""Interleaved group convolutions: sparse convolutions whose product is dense."""

from collections import OrderedDict
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._conv import ConvNorm
from convatlas.layers._groups import check_groups
from convatlas.layers._residual import ResidualUnit
from convatlas.layers._shuffle import ChannelShuffle


def interleaved_conv(
    in_channels: int, out_channels: int, *, groups: Sequence[int], stride: int = 1
) -> nn.Sequential:
    """A 3x3 convolution in `groups[0]` groups, then a 1x1 for every further number of groups.

    Behind each stands the permutation that gives a group of the next layer channels of different
    groups. If the channels per group multiply to all channels, one path leads from every input to
    every output, and the last permutation restores the first order. (1,) is a plain 3x3.

    Raises:
        UserError: for a number of groups that does not divide the channels.

    Source: Zhang et al., ICCV 2017 (arXiv:1707.02725), Sec. 3; Xie et al., CVPR 2018
    (arXiv:1804.06202), Sec. 3.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, count in enumerate(groups, start=1):
        check_groups(count, channels=in_channels)
        check_groups(count, channels=out_channels)
        kernel = 3 if number == 1 else 1
        layers[f"conv{number}"] = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            stride=stride if number == 1 else 1,
            padding=kernel // 2,
            groups=count,
            bias=False,
        )
        if 1 < count < out_channels:  # else the permutation would change nothing
            layers[f"permutation{number}"] = ChannelShuffle(count)
        in_channels = out_channels
    return nn.Sequential(layers)


class InterleavedNorm(nn.Module):
    """`interleaved_conv`, batch norm, then `activation` when one is given.

    Args:
        groups: of the 3x3, then of each 1x1.
        eps: of the batch norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        groups: Sequence[int],
        stride: int = 1,
        eps: float = 1e-5,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = interleaved_conv(in_channels, out_channels, groups=groups, stride=stride)
        self.norm = nn.BatchNorm2d(out_channels, eps=eps)
        self.activation = activation if activation is not None else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The activated, normalised product of convolutions of `x`."""
        return self.activation(self.norm(self.conv(x)))


class InterleavedUnit(ResidualUnit):
    """Two interleaved convolutions, added to a shortcut; ReLU after the addition.

    Where the shape changes the shortcut is a 1x1 convolution in as many groups as the first 3x3.

    Args:
        first: groups of the first product, by layer.
        second: groups of the second product.
        eps: of the batch norms.

    Source: the authors' released code (hellozting/InterleavedGroupConvolutions, resnet_igc.py).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        first: Sequence[int],
        second: Sequence[int],
        stride: int,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.first = InterleavedNorm(
            in_channels,
            out_channels,
            groups=first,
            stride=stride,
            eps=eps,
            activation=nn.ReLU(inplace=True),
        )
        self.second = InterleavedNorm(out_channels, out_channels, groups=second, eps=eps)
        shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            shortcut = ConvNorm(
                in_channels, out_channels, 1, stride=stride, groups=first[0], eps=eps
            )
        self._join_with(shortcut, None)

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Two products of `x`."""
        return self.second(self.first(x))
