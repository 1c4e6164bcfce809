"""Residual units whose batch norms and ReLUs stand in one of five orders."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.layers._conv import ConvNorm
from convatlas.layers._norm_conv import NormConv
from convatlas.layers._residual import StrideIn, bottleneck_strides
from convatlas.layers._shortcut import ZeroPadShortcut

Order = Literal[
    "original",
    "bn_after_addition",
    "relu_before_addition",
    "relu_preactivation",
    "full_preactivation",
]
UnitKind = Literal["single", "basic", "bottleneck"]
ConvPlan = tuple[int, int, int]  # output channels, kernel side, stride
PREACTIVATIONS = frozenset({"relu_preactivation", "full_preactivation"})


class OrderedUnit(nn.Module):
    """Convolutions, added to a shortcut, with batch norm (BN) and ReLU in the given order.

    original: (conv BN ReLU)... conv BN, addition, ReLU. bn_after_addition: (conv BN ReLU)... conv,
    addition, BN ReLU. relu_before_addition: (conv BN ReLU)..., addition. relu_preactivation:
    (ReLU conv BN)..., addition. full_preactivation: (BN ReLU conv)..., addition.

    A shortcut that projects reads what the branch's first convolution reads, so both share the
    activation before it; behind its 1x1 stands a BN where one stands behind the branch's last
    convolution.

    Args:
        convs: the branch's convolutions in running order.
        shortcut: where the shape changes, "A" pads with zeros, "B" projects.
        activated: the input is activated already, as the net's first unit's is.

    Source: He et al., ECCV 2016 (arXiv:1603.05027), Fig. 4 and Appendix.
    """

    def __init__(
        self,
        in_channels: int,
        convs: Sequence[ConvPlan],
        *,
        order: Order,
        shortcut: Literal["A", "B"],
        activated: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = convs[-1][0]
        stride = max(stride for *_, stride in convs)
        same_shape = stride == 1 and in_channels == self.out_channels
        projects = shortcut == "B" and not same_shape
        shared = projects and not activated and order in PREACTIVATIONS
        self.shared = _preactivation(order, in_channels) if shared else nn.Identity()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for number, plan in enumerate(convs, start=1):
            bare = number == 1 and (shared or activated)
            last = number == len(convs)
            layers[f"layer{number}"] = _layer(order, channels, plan, bare=bare, last=last)
            channels = plan[0]
        self.branch = nn.Sequential(layers)
        if projects:
            self.shortcut = _projection(order, in_channels, self.out_channels, stride)
        elif same_shape:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = ZeroPadShortcut(in_channels, self.out_channels, stride)
        self.after = _after(order, self.out_channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The branch added to the shortcut."""
        x = self.shared(x)
        return self.after(self.branch(x) + self.shortcut(x))


def unit_convs(
    kind: UnitKind, width: int, *, stride: int, stride_in: StrideIn = "1x1", expansion: int = 4
) -> tuple[ConvPlan, ...]:
    """The convolutions of a unit: one 3x3, two 3x3, or 1x1, 3x3 and 1x1.

    Args:
        width: channels of the 3x3s.
        stride_in: which convolution of a bottleneck has the stride.
        expansion: a bottleneck's output channels / `width`.

    Raises:
        UserError: for another kind or place of the stride.
    """
    if kind == "single":
        return ((width, 3, stride),)
    if kind == "basic":
        return ((width, 3, stride), (width, 3, 1))
    if kind != "bottleneck":
        raise UserError(f"unit={kind!r} is unknown. Use 'single', 'basic' or 'bottleneck'.")
    first, second = bottleneck_strides(stride, stride_in)
    return ((width, 1, first), (width, 3, second), (expansion * width, 1, 1))


def _layer(order: Order, channels: int, plan: ConvPlan, *, bare: bool, last: bool) -> nn.Module:
    """A convolution with the BN and ReLU that belong to it; `bare`, without those before it."""
    out_channels, kernel_size, stride = plan
    if order == "full_preactivation" and not bare:
        return NormConv(channels, out_channels, kernel_size, stride=stride)
    if order == "full_preactivation" or (order == "bn_after_addition" and last):
        return _conv(channels, plan)
    if order == "relu_preactivation":
        conv = ConvNorm(channels, out_channels, kernel_size, stride=stride)
        return conv if bare else nn.Sequential(OrderedDict(relu=nn.ReLU(), layer=conv))
    rectified = not last or order == "relu_before_addition"
    activation = nn.ReLU(inplace=True) if rectified else None
    return ConvNorm(channels, out_channels, kernel_size, stride=stride, activation=activation)


def _conv(channels: int, plan: ConvPlan) -> nn.Conv2d:
    out_channels, kernel_size, stride = plan
    padding = kernel_size // 2
    return nn.Conv2d(channels, out_channels, kernel_size, stride, padding, bias=False)


def _preactivation(order: Order, channels: int) -> nn.Module:
    if order == "relu_preactivation":
        return nn.ReLU()
    return nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(channels), relu=nn.ReLU(inplace=True)))


def _projection(order: Order, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if order in ("bn_after_addition", "full_preactivation"):
        return _conv(in_channels, (out_channels, 1, stride))
    return ConvNorm(in_channels, out_channels, 1, stride=stride)


def _after(order: Order, channels: int) -> nn.Module:
    if order == "original":
        return nn.ReLU(inplace=True)
    if order == "bn_after_addition":
        return nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(channels), relu=nn.ReLU(inplace=True)))
    return nn.Identity()
