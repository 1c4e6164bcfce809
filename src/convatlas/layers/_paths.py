"""Residual units of many thin paths of one shape."""

from collections import OrderedDict
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.layers._conv import ConvNorm
from convatlas.layers._parallel import Parallel
from convatlas.layers._residual import ResidualUnit, ShortcutOption, make_shortcut


class ConcatPathsUnit(ResidualUnit):
    """What the paths hold in few channels is concatenated, then one convolution restores it.

    Args:
        width: channels of a path.
        depth: layers of a path: 1x1, 3x3 and the restoring 1x1, or 3x3 and a restoring 3x3.

    Source: Xie et al., CVPR 2017 (arXiv:1611.05431), Fig. 3b; Fig. 4 right is a single path.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        *,
        cardinality: int,
        depth: Literal[2, 3],
        stride: int,
        shortcut: ShortcutOption,
    ) -> None:
        super().__init__()
        paths: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(cardinality):
            paths[f"path{i}"] = nn.Sequential(_path(in_channels, width, depth, stride))
        self.paths = Parallel(paths)
        self.restore = ConvNorm(cardinality * width, out_channels, _last_kernel(depth))
        self._join_with(make_shortcut(shortcut, in_channels, out_channels, stride), None)

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """All paths restored at once."""
        return self.restore(self.paths(x))


class SumPathsUnit(ResidualUnit):
    """Every path restores its channels; the sum of all is normalised.

    Args: as `ConcatPathsUnit` has them.

    Source: Xie et al., CVPR 2017 (arXiv:1611.05431), Fig. 3a, Eq. 2 and footnote 6.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        *,
        cardinality: int,
        depth: Literal[2, 3],
        stride: int,
        shortcut: ShortcutOption,
    ) -> None:
        super().__init__()
        kernel = _last_kernel(depth)
        self.paths = nn.ModuleDict()
        for i in range(cardinality):
            path = _path(in_channels, width, depth, stride)
            path["restore"] = nn.Conv2d(
                width, out_channels, kernel, padding=kernel // 2, bias=False
            )
            self.paths[f"path{i}"] = nn.Sequential(path)
        self.norm = nn.BatchNorm2d(out_channels)
        self._join_with(make_shortcut(shortcut, in_channels, out_channels, stride), None)

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The normalised sum of the paths."""
        first, *others = self.paths.values()
        total = first(x)
        for path in others:
            total = total + path(x)
        return self.norm(total)


def _path(in_channels: int, width: int, depth: int, stride: int) -> "OrderedDict[str, nn.Module]":
    """A path without its last convolution."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if depth == 3:
        layers["reduce"] = ConvNorm(in_channels, width, 1, activation=nn.ReLU(inplace=True))
        in_channels = width
    relu = nn.ReLU(inplace=True)
    layers["spatial"] = ConvNorm(in_channels, width, 3, stride=stride, activation=relu)
    return layers


def _last_kernel(depth: int) -> int:
    return 1 if depth == 3 else 3
