"""EfficientNet: a small searched net, and a rule that makes it deeper, wider and sharper at once.

MBConv, the block, is MobileNet v2's inverted residual with swish and squeeze-and-excitation. A net
for about 2^phi times the resources has alpha^phi as many layers, beta^phi as many channels, and
images whose side is gamma^phi as long (`compound`); the three were searched once, on the smallest
net.

Paper: Tan and Le, ICML 2019 (arXiv:1905.11946): net B0 Table 1, scaling Eq. 3, figures Table 2.
Departs from the paper: what it does not print is as in the authors' released code: TensorFlow's
"same" padding, batch norm's epsilon of 1e-3, and depth, width, side and dropout of B1 to B7. Those
of B1 to B3 are Eq. 3 with phi = 0.5, 1 and 2, rounded; those of B4 to B7 lie on no single phi.
Common elsewhere: symmetric padding, with equal parameters and mult-adds but other outputs, since
windows of stride 2 lie one pixel further up and left where the side is even.
`efficientnet_b0_symmetric` and its kin are torchvision's nets, with an epsilon of 1e-5 up to B4;
timm's `efficientnet_b0` to `efficientnet_b4` are the same nets, meant for sides of 256, 288 and 320
from B2 on. timm's `tf_efficientnet_b0` and its kin are the authors' nets.

The padding follows from `input_side`. Images of another side pass too, but where theirs and its
halvings are even or odd otherwise, windows of stride 2 lie one pixel off. Symmetric nets take all
sides alike.

`efficientnet_small` is no net of the paper: for images of 8 to 64 pixels its stem keeps the
resolution, two strides are left, nothing is dropped, and its padding is symmetric.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import TAN2019
from convatlas.layers import (
    ConvNorm,
    SampleDrop,
    SqueezeExcite,
    fan_out_normal,
    scale_channels,
    tf_same,
)
from convatlas.models._family import Family, Spec, one_of

Padding = Literal["same", "symmetric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficientNetSpec(Spec):
    """Table 1, scaled by `depth_multiplier` (d) and `width_multiplier` (w)."""

    depth_multiplier: float = 1.0  # scales the layers of every stage of MBConv, rounded up
    stem_channels: int = 32
    stem_stride: int = 2
    # stages of Table 1: expansion, kernel side, channels, layers, stride of the first layer
    mbconvs: tuple[tuple[int, int, int, int, int], ...] = (
        (1, 3, 16, 1, 1),
        (6, 3, 24, 2, 2),
        (6, 5, 40, 2, 2),
        (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1),
        (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    )
    last_channels: int = 1280
    dropout: float = 0.2
    survival: float = 0.8  # of a block's branch; falls linearly from 1 at the first block
    padding: Padding = "same"  # TensorFlow's for images of `input_side`, or equal at both ends
    eps: float = 1e-3  # of batch norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Eq. 3: what depth, width and image side are multiplied by."""

    depth: float
    width: float
    resolution: float

    @property
    def mult_adds(self) -> float:
        """About how many times the mult-adds: d w^2 r^2."""
        return self.depth * self.width**2 * self.resolution**2


def compound(phi: float, *, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> Scaling:
    """Eq. 3: the scaling for about 2^phi times the resources."""
    return Scaling(depth=alpha**phi, width=beta**phi, resolution=gamma**phi)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One MBConv of a scaled net."""

    in_channels: int
    out_channels: int
    expansion: int
    kernel_size: int
    stride: int
    side: int  # of what it reads
    survival: float


class MBConv(nn.Module):
    """1x1 expand, k x k per channel, squeeze and excite, linear 1x1; a shortcut when shapes agree.

    The squeeze has a quarter of the block's input channels. With expansion 1 there is nothing to
    expand and no first convolution.
    """

    def __init__(self, spec: EfficientNetSpec, block: _Block) -> None:
        super().__init__()
        wide = block.in_channels * block.expansion
        self.expand = (
            nn.Identity() if block.expansion == 1 else _conv(spec, block.in_channels, wide)
        )
        self.pad, padding = _padding(spec, block.side, block.kernel_size, block.stride)
        self.depthwise = ConvNorm(
            wide,
            wide,
            block.kernel_size,
            stride=block.stride,
            padding=padding,
            groups=wide,
            eps=spec.eps,
            activation=nn.SiLU(inplace=True),
        )
        squeezed = max(1, block.in_channels // 4)
        self.excite = SqueezeExcite(wide, squeezed, activation=nn.SiLU(inplace=True))
        self.project = ConvNorm(wide, block.out_channels, 1, eps=spec.eps)
        self.residual = block.stride == 1 and block.in_channels == block.out_channels
        self.drop = SampleDrop(block.survival) if self.residual else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The projection, added to `x` where shapes agree."""
        f = self.depthwise(self.pad(self.expand(x)))
        f = self.project(self.excite(f))
        return x + self.drop(f) if self.residual else f


class EfficientNet(nn.Module):
    """Stem, seven stages of MBConv, a last 1x1, global average, dropout, linear classifier."""

    def __init__(self, spec: EfficientNetSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        self.stem = _stem(spec)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, blocks in enumerate(_blocks(spec), start=2):
            stages[f"stage{number}"] = nn.Sequential(*(MBConv(spec, block) for block in blocks))
            channels = blocks[-1].out_channels
        last = scale_channels(spec.last_channels, spec.width_multiplier)
        stages["last"] = _conv(spec, channels, last)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            OrderedDict(dropout=nn.Dropout(spec.dropout), linear=nn.Linear(last, spec.num_classes))
        )
        self.apply(fan_out_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _blocks(spec: EfficientNetSpec) -> list[list[_Block]]:
    """The blocks of every stage: layers times d, rounded up; channels times w, in eights."""
    depths = [math.ceil(spec.depth_multiplier * layers) for *_, layers, _ in spec.mbconvs]
    channels = scale_channels(spec.stem_channels, spec.width_multiplier)
    side = -(-spec.input_side // spec.stem_stride)
    stages: list[list[_Block]] = []
    before = 0
    for (expansion, kernel_size, width, _, stride), depth in zip(spec.mbconvs, depths, strict=True):
        out_channels = scale_channels(width, spec.width_multiplier)
        stage: list[_Block] = []
        for number in range(depth):
            block = _Block(
                in_channels=channels,
                out_channels=out_channels,
                expansion=expansion,
                kernel_size=kernel_size,
                stride=stride if number == 0 else 1,
                side=side,
                survival=1 - (1 - spec.survival) * before / sum(depths),
            )
            stage.append(block)
            channels, side, before = out_channels, -(-side // block.stride), before + 1
        stages.append(stage)
    return stages


def _stem(spec: EfficientNetSpec) -> nn.Module:
    pad, padding = _padding(spec, spec.input_side, 3, spec.stem_stride)
    conv = ConvNorm(
        spec.in_channels,
        scale_channels(spec.stem_channels, spec.width_multiplier),
        3,
        stride=spec.stem_stride,
        padding=padding,
        eps=spec.eps,
        activation=nn.SiLU(inplace=True),
    )
    return nn.Sequential(OrderedDict(pad=pad, conv=conv))


def _conv(spec: EfficientNetSpec, in_channels: int, out_channels: int) -> nn.Module:
    """1x1, batch norm, swish."""
    activation = nn.SiLU(inplace=True)
    return ConvNorm(in_channels, out_channels, 1, eps=spec.eps, activation=activation)


def _padding(
    spec: EfficientNetSpec, side: int, kernel_size: int, stride: int
) -> tuple[nn.Module, int]:
    """What pads before a window, and the window's own padding."""
    if spec.padding == "same":
        return tf_same(side, kernel_size, stride)
    return nn.Identity(), kernel_size // 2


def _require_buildable(spec: EfficientNetSpec) -> None:
    one_of("padding", spec.padding, ("same", "symmetric"))
    if not 0 < spec.depth_multiplier <= 64:
        raise UserError(
            f"depth_multiplier={spec.depth_multiplier!r}; it must be above 0, at most 64."
        )
    if not 0 < spec.survival <= 1:
        raise UserError(f"survival={spec.survival!r}; it must be above 0 and at most 1.")
    if not 0 <= spec.dropout < 1:
        raise UserError(f"dropout={spec.dropout!r}; it must be at least 0 and below 1.")


# d, w, side and dropout in the authors' released code (efficientnet_builder.py)
_RELEASED = {
    "efficientnet_b0": (1.0, 1.0, 224, 0.2),
    "efficientnet_b1": (1.1, 1.0, 240, 0.2),
    "efficientnet_b2": (1.2, 1.1, 260, 0.3),
    "efficientnet_b3": (1.4, 1.2, 300, 0.3),
    "efficientnet_b4": (1.8, 1.4, 380, 0.4),
    "efficientnet_b5": (2.2, 1.6, 456, 0.4),
    "efficientnet_b6": (2.6, 1.8, 528, 0.5),
    "efficientnet_b7": (3.1, 2.0, 600, 0.5),
}
_VARIANTS = {
    name: EfficientNetSpec(depth_multiplier=d, width_multiplier=w, input_side=side, dropout=dropout)
    for name, (d, w, side, dropout) in _RELEASED.items()
}
_SYMMETRIC = {
    f"{name}_symmetric": replace(spec, padding="symmetric", eps=1e-5 if name[-1] < "5" else 1e-3)
    for name, spec in _VARIANTS.items()
}
_SMALL = EfficientNetSpec(
    input_side=32,
    num_classes=10,
    stem_channels=16,
    stem_stride=1,
    mbconvs=((1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 2, 1)),
    last_channels=320,
    dropout=0.0,
    survival=1.0,
    padding="symmetric",
)
_TABLE_2 = {
    "params": ("5.3e6", "7.8e6", "9.2e6", "12e6", "19e6", "30e6", "43e6", "66e6"),
    "mult_adds": ("0.39e9", "0.70e9", "1.0e9", "1.8e9", "4.2e9", "9.9e9", "19e9", "37e9"),
}
_TRIED = "the released code's net has"  # and no cause is known
_BECAUSE = {
    "9.2e6": "with batch norm's running means and variances, which are not learned, it is 9.18 M",
    "0.70e9": f"{_TRIED} 0.687 at its side of 240, and no other side gives 0.70",
    "4.2e9": f"{_TRIED} 4.39 at its side of 380; sides of 361 to 368 give 4.2",
    "9.9e9": f"{_TRIED} 10.27 at its side of 456, and no other side gives 9.9",
}


def _facts(quantity: Literal["params", "mult_adds"]) -> tuple[Fact, ...]:
    """A column of Table 2."""
    return tuple(
        Fact(
            name,
            quantity,
            printed,
            TAN2019,
            "Table 2",
            _BECAUSE.get(printed, ""),
            open=_BECAUSE.get(printed, "").startswith(_TRIED),
        )
        for name, printed in zip(_RELEASED, _TABLE_2[quantity], strict=True)
    )


FAMILY = Family(
    name="efficientnet",
    title="EfficientNet",
    paper=TAN2019,
    build=EfficientNet,
    variants={**_VARIANTS, **_SYMMETRIC, "efficientnet_small": _SMALL},
    facts=(
        *_facts("params"),
        *_facts("mult_adds"),
        Fact("efficientnet_b0", "mult_adds", "0.4e9", TAN2019, "Table 7"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=("efficientnet_b0", "efficientnet_small"),
)
