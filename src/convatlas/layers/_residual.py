"""Residual units, what may run beside them, and the stem before them."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.layers._conv import ConvNorm
from convatlas.layers._shortcut import ZeroPadShortcut
from convatlas.layers._survival import Survival

ShortcutOption = Literal["A", "B", "C", "average", "none"]
StrideIn = Literal["1x1", "3x3"]
SurvivalRule = Literal["linear", "uniform"]


def make_shortcut(
    option: ShortcutOption, in_channels: int, out_channels: int, stride: int
) -> nn.Module | None:
    """What is added to a unit's output; None when nothing is.

    Args:
        option: where the shape changes, "A" takes every `stride`-th pixel and pads with zeros,
            "average" takes the mean of `stride` x `stride` pixels and pads with zeros, "B"
            projects (1x1 convolution and batch norm), and elsewhere all three are the identity;
            "C" projects everywhere; "none" is a plain net.

    Raises:
        UserError: for another option.
    """
    same_shape = stride == 1 and in_channels == out_channels
    if option == "none":
        return None
    if option == "C" or (option == "B" and not same_shape):
        return ConvNorm(in_channels, out_channels, 1, stride=stride)
    if option not in ("A", "B", "average"):
        raise UserError(f"shortcut={option!r} is unknown. Use 'A', 'B', 'C', 'average' or 'none'.")
    if same_shape:
        return nn.Identity()
    if option == "average":
        mean = nn.AvgPool2d(stride, ceil_mode=True)  # rounds the side up, as the 3x3 does
        return nn.Sequential(mean, ZeroPadShortcut(in_channels, out_channels, 1))
    return ZeroPadShortcut(in_channels, out_channels, stride)


def survival_probabilities(
    last: float | None, rule: SurvivalRule, units: int
) -> list[float | None]:
    """p_1 .. p_L: how likely each of L = `units` branches survives a mini-batch.

    "linear" falls from p_0 = 1, the input, to p_L: p_l = 1 - l / L * (1 - p_L). "uniform" is p_L
    everywhere. `last` is p_L; None, for nets that drop nothing, gives None for every unit.

    Source: Huang et al., ECCV 2016 (arXiv:1603.09382), Eq. 4.

    Raises:
        UserError: for another rule.
    """
    if rule not in ("linear", "uniform"):
        raise UserError(f"survival_rule={rule!r} is unknown. Use 'linear' or 'uniform'.")
    if last is None or rule == "uniform":
        return [last] * units
    return [1 - unit / units * (1 - last) for unit in range(1, units + 1)]


class ResidualUnit(nn.Module, ABC):
    """ReLU(branch + shortcut); a subclass builds its layers, then calls `_join_with`."""

    shortcut: nn.Module | None
    relu: nn.Module
    survival: Survival | None

    def _join_with(self, shortcut: nn.Module | None, survival: float | None) -> None:
        """What the branch is added to, and how likely it survives a mini-batch in training.

        Raises:
            UserError: for a survival probability without a shortcut.
        """
        if survival is not None and shortcut is None:
            raise UserError("survival needs a shortcut. Use None with shortcut='none'.")
        self.shortcut = shortcut
        self.relu = nn.ReLU(inplace=True)
        self.survival = None if survival is None else Survival(survival)

    @abstractmethod
    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The correction to `x`."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The correction added to `x`, rectified; the shortcut alone where that is dropped."""
        if self.survival is not None and self.survival.drops(x):
            return self._passed(x)
        f = self.branch(x)
        if self.survival is not None:
            f = self.survival(f)
        return self.relu(f if self.shortcut is None else f + self.shortcut(x))

    def _passed(self, x: Tensor) -> Tensor:
        if self.shortcut is None or isinstance(self.shortcut, nn.Identity):
            return x  # rectified already
        return self.relu(self.shortcut(x))


class BasicUnit(ResidualUnit):
    """3x3, 3x3, added to a shortcut; ReLU after the addition."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        shortcut: ShortcutOption,
        survival: float | None = None,
    ) -> None:
        super().__init__()
        self.first = ConvNorm(
            in_channels, out_channels, 3, stride=stride, activation=nn.ReLU(inplace=True)
        )
        self.second = ConvNorm(out_channels, out_channels, 3)
        self._join_with(make_shortcut(shortcut, in_channels, out_channels, stride), survival)

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Two 3x3 convolutions of `x`."""
        return self.second(self.first(x))


class BottleneckUnit(ResidualUnit):
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
        survival: float | None = None,
        groups: int = 1,
    ) -> None:
        super().__init__()
        first, second = bottleneck_strides(stride, stride_in)
        self.reduce = ConvNorm(
            in_channels, width, 1, stride=first, activation=nn.ReLU(inplace=True)
        )
        self.spatial = ConvNorm(
            width, width, 3, stride=second, groups=groups, activation=nn.ReLU(inplace=True)
        )
        self.restore = ConvNorm(width, out_channels, 1)
        self._join_with(make_shortcut(shortcut, in_channels, out_channels, stride), survival)

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Reduced, convolved, restored."""
        return self.restore(self.spatial(self.reduce(x)))


def bottleneck_strides(stride: int, stride_in: StrideIn) -> tuple[int, int]:
    """The strides of a bottleneck's first 1x1 and of its 3x3.

    Raises:
        UserError: for another place.
    """
    if stride_in not in ("1x1", "3x3"):
        raise UserError(f"stride_in={stride_in!r} is unknown. Use '1x1' or '3x3'.")
    return (stride, 1) if stride_in == "1x1" else (1, stride)


def residual_stem(kind: Literal["7x7", "3x3"], in_channels: int, channels: int) -> nn.Module:
    """7x7 at stride 2 and a max pool, or 3x3 at stride 1: convolution, batch norm and ReLU.

    Raises:
        UserError: for another kind.
    """
    if kind == "3x3":
        return ConvNorm(in_channels, channels, 3, activation=nn.ReLU(inplace=True))
    if kind != "7x7":
        raise UserError(f"stem={kind!r} is unknown. Use '7x7' or '3x3'.")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = ConvNorm(in_channels, channels, 7, stride=2, activation=nn.ReLU(inplace=True))
    layers["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(layers)
