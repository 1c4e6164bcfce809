"""Interleaved group convolutions: two sparse convolutions whose product is dense.

A 3x3 in L groups of M channels, a permutation, a 1x1 in M groups of L channels, one from each group
of the 3x3, and the permutation back; then batch norm and ReLU. For its weights, L M (9 M + L), such
a block is wider than a regular convolution.

Paper: Zhang et al., ICCV 2017 (arXiv:1707.02725): block Fig. 1 and Sec. 3, nets for
CIFAR Sec. 5, for ImageNet Table 6.
Departs from the paper: nothing that is printed. The first block of stages 2 and 3 has the stride,
and the channels of a stage double by M, as in the authors' files; the nets with `_stride_last` have
it in the last block, as the notes read the table. SumFusion is not drawn in detail: here L
convolutions read the same M channels and are added, which takes about as many parameters as
RegConv-W16, as the text says. A dense 1x1 to fuse them would take half as many again.
Common elsewhere: nobody ships these nets.

M = 1 is a depthwise 3x3 with a dense 1x1 (Xception's block), L = 1 a regular 3x3 whose outputs are
scaled; RegConv-Wc has c channels in the first stage and no 1x1. "Identity" nets have a shortcut
over every two blocks, a 1x1 in L groups where the shape changes. As in the authors' files, the 1x1
that opens a stage of those for CIFAR still has as many groups as in the stage before (`opening`),
and batch norm has an eps of 2e-5. Depth D = 3B + 2 counts a block as one layer.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Quantity
from convatlas.facts.papers import ZHANG2017
from convatlas.layers import (
    ConvNorm,
    InterleavedNorm,
    InterleavedUnit,
    check_groups,
    he_normal_by_inputs,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of

EPS = 2e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class IGCV1Spec(Spec):
    """A column of the table of CIFAR nets, or a row of Table 6."""

    input_side: int = 32
    num_classes: int = 10
    block: Literal["interleaved", "regular", "summed"] = "interleaved"
    primary: int = 4  # L: groups of the 3x3 in the first stage; 1 in a regular net
    secondary: int = 8  # M: channels in each, and groups of the 1x1; a regular net's channels
    depths: tuple[int, ...] = (6, 6, 6)  # B: blocks per stage; of an identity net units of two
    identity: bool = False  # a shortcut over every two blocks
    doubled: Literal["L", "M"] = "M"  # what makes a stage twice as wide as the one before
    stride_in: Literal["first", "last"] = "first"  # which block of a stage halves the side
    opening: Literal["stage", "before"] = "stage"  # whose M a stage's first 1x1 has as groups
    stem: Literal["3x3", "7x7"] = "3x3"  # 7x7: with stride 2, and a pool behind it
    stem_share: int = 1  # the stem has the first stage's channels / this


class SummedNorm(nn.Module):
    """Deep fusion by summation: L convolutions of the same map, added; batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, branches: int, stride: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
            for _ in range(branches)
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=EPS)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The rectified, normalised sum."""
        first, *others = self.branches
        total = first(x)
        for branch in others:
            total = total + branch(x)
        return self.relu(self.norm(total))


class IGCV1(nn.Module):
    """Stem, stages that double the channels, global average, linear classifier."""

    def __init__(self, spec: IGCV1Spec) -> None:
        super().__init__()
        _check(spec)
        share = check_groups(spec.stem_share, channels=_stage(spec, 0)[1], name="stem_share")
        channels = _stage(spec, 0)[1] // share
        self.stem = _stem(spec, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, depth in enumerate(spec.depths):
            blocks: list[nn.Module] = []
            strided = 0 if spec.stride_in == "first" else depth - 1
            for block in range(depth):
                stride = 2 if stage > 0 and block == strided else 1
                blocks.append(_block(spec, channels, stage, stride))
                channels = _stage(spec, stage)[1]
            stages[f"stage{stage + 1}"] = nn.Sequential(*blocks)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check(spec: IGCV1Spec) -> None:
    one_of("block", spec.block, ("interleaved", "regular", "summed"))
    one_of("doubled", spec.doubled, ("L", "M"))
    one_of("stride_in", spec.stride_in, ("first", "last"))
    one_of("opening", spec.opening, ("stage", "before"))
    one_of("stem", spec.stem, ("3x3", "7x7"))
    for name in ("primary", "secondary"):
        value = getattr(spec, name)
        if type(value) is not int or value < 1:
            raise UserError(f"{name}={value!r}; it must be a whole number from 1.")
    if spec.block == "regular" and (spec.primary != 1 or spec.doubled == "L"):
        raise UserError(
            f"primary={spec.primary!r}, doubled={spec.doubled!r}: a regular convolution has one "
            "group. Use primary=1 and doubled='M', with the channels as secondary."
        )
    if spec.block == "summed" and spec.identity:
        raise UserError("identity=True has no summed form. Use block='interleaved' or 'regular'.")


def _stage(spec: IGCV1Spec, stage: int) -> tuple[int, int]:
    """L and the channels of a stage; width scales what doubles, so that the other divides them."""
    kept = spec.primary if spec.doubled == "M" else spec.secondary
    width = scale_channels(spec.primary * spec.secondary, spec.width_multiplier, divisor=kept)
    channels = width * 2**stage
    groups = kept if spec.doubled == "M" else channels // kept
    return groups, channels // groups if spec.block == "summed" else channels


def _block(spec: IGCV1Spec, in_channels: int, stage: int, stride: int) -> nn.Module:
    primary, channels = _stage(spec, stage)
    if spec.block == "summed":
        return SummedNorm(in_channels, channels, branches=primary, stride=stride)
    inner = groups = (1,) if spec.block == "regular" else (primary, channels // primary)
    if spec.opening == "before" and spec.block != "regular":
        inner = (primary, in_channels // primary)
    if spec.identity:
        return InterleavedUnit(
            in_channels, channels, first=inner, second=groups, stride=stride, eps=EPS
        )
    relu = nn.ReLU(inplace=True)
    return InterleavedNorm(
        in_channels, channels, groups=inner, stride=stride, eps=EPS, activation=relu
    )


def _stem(spec: IGCV1Spec, channels: int) -> nn.Module:
    relu = nn.ReLU(inplace=True)
    if spec.stem == "3x3":
        return ConvNorm(spec.in_channels, channels, 3, eps=EPS, activation=relu)
    conv = ConvNorm(spec.in_channels, channels, 7, stride=2, eps=EPS, activation=relu)
    return nn.Sequential(conv, nn.MaxPool2d(3, stride=2, padding=1))


_DEPTHS = (8, 20, 38, 62, 98)  # D = 3B + 2
_COLUMNS = {  # of the table of CIFAR nets
    "regconv_w16": IGCV1Spec(block="regular", primary=1, secondary=16),
    "regconv_w18": IGCV1Spec(block="regular", primary=1, secondary=18),
    "sumfusion_l4m8": IGCV1Spec(block="summed", primary=4, secondary=8),
    "l4m8": IGCV1Spec(primary=4, secondary=8),
    "l24m2": IGCV1Spec(primary=24, secondary=2),
    "l32m26": IGCV1Spec(primary=32, secondary=26),
    "l16m32": IGCV1Spec(primary=16, secondary=32),
}
_IMAGENET = IGCV1Spec(
    input_side=224, num_classes=1000, depths=(2, 2, 2, 2), identity=True, stem="7x7"
)


def _plain(column: str, depth: int) -> IGCV1Spec:
    return replace(_COLUMNS[column], depths=((depth - 2) // 3,) * 3)


def _identity(column: str, depth: int) -> IGCV1Spec:
    spec = replace(_COLUMNS[column], depths=((depth - 2) // 6,) * 3, identity=True)
    return spec if spec.block == "regular" else replace(spec, opening="before")


_CONVOLUTIONS_ONLY = (
    "leaves out the classifier and batch norm: the convolutions of the released net have 11.207 M"
)
_NO_NORM = "leaves out batch norm's scale and shift: 8.608 M"
_TABLE_6: tuple[tuple[str, Quantity, str, str], ...] = (
    (
        "regconv_w69",
        "params",
        "11.333e6",
        "no sum of parts of the released net gives it; its convolutions alone have 12.979 M",
    ),
    ("regconv_w69", "mult_adds", "2.1e9", ""),
    ("l4m32", "params", "11.205e6", _CONVOLUTIONS_ONLY),
    ("l4m32", "mult_adds", "1.9e9", ""),
    (
        "l16m16",
        "params",
        "11.329e6",
        "no sum of parts of the released net gives it; its convolutions alone have 11.441 M",
    ),
    ("l16m16", "mult_adds", "2.2e9", ""),
    ("l100m2", "params", "8.61e6", _NO_NORM),
    ("l100m2", "mult_adds", "1.3e9", ""),
)
FAMILY = Family(
    name="igcv1",
    title="IGCV1 (interleaved group convolutions)",
    paper=ZHANG2017,
    build=IGCV1,
    variants={
        **{
            f"igcv1_{column}_d{depth}": _plain(column, depth)
            for column in ("regconv_w16", "regconv_w18", "sumfusion_l4m8", "l4m8", "l24m2")
            for depth in _DEPTHS
        },
        **{
            f"igcv1_{column}_d20_stride_last": replace(_plain(column, 20), stride_in="last")
            for column in ("l4m8", "l24m2")
        },
        **{
            f"igcv1_{column}_d{depth}_identity": _identity(column, depth)
            for column in ("regconv_w18", "l24m2")
            for depth in _DEPTHS
        },
        "igcv1_l32m26_d20_identity": _identity("l32m26", 20),
        "igcv1_l16m32_d20_identity": _identity("l16m32", 20),
        "igcv1_regconv_w69_imagenet": replace(_IMAGENET, block="regular", primary=1, secondary=69),
        "igcv1_l4m32_imagenet": replace(_IMAGENET, primary=4, secondary=32),
        "igcv1_l16m16_imagenet": replace(_IMAGENET, primary=16, secondary=16),
        "igcv1_l100m2_imagenet": replace(
            _IMAGENET, primary=100, secondary=2, doubled="L", stem_share=2
        ),
    },
    facts=tuple(
        Fact(
            f"igcv1_{net}_imagenet",
            quantity,
            printed,
            ZHANG2017,
            "Table 6",
            because,
            open="no sum" in because,
        )
        for net, quantity, printed, because in _TABLE_6
    ),
    widths=(0.25, 0.5, 1.0),
)
