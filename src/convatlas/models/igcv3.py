"""Interleaved low-rank group convolutions: MobileNet v2's block with its 1x1 layers in groups.

A 1x1 in G1 groups expands the channels, a 3x3 filters each on its own, a 1x1 in G2 groups projects
back; a permutation behind each 1x1 mixes the groups. What the groups save goes into more blocks
(IGCV3-D) or more channels (IGCV3-W). Of the block's layers only the 3x3 has a ReLU6 behind it.

Paper: Sun et al., BMVC 2018 (arXiv:1806.00178): block Sec. 3, nets Sec. 4.
Departs from the paper: nothing that is printed. `igcv3_d` has both permutations, as the formula and
the authors' last file; the trained net that they released, and their files of the wider net and of
the net with 2 and 4 groups, leave out the second: `igcv3_d_released`, `igcv3_w_g2`,
`igcv3_d_g2g4`. The notes give IGCV3-W 4 groups, `igcv3_w`. At other widths channels are rounded, as
in the files, to the next multiple of the groups, but the files multiply the channels that a stage's
first block expands a second time: 2,447,130 and 6,315,568 parameters at 0.7 and 1.4, where plain
scaling gives 2,502,486 and 6,023,004. The layers of the net for CIFAR are not printed:
`igcv3_d_cifar100` keeps the resolution in the stem and in the second row.
Common elsewhere: pytorchcv's `igcv3_w1` is `igcv3_d_released`; ports to PyTorch put a ReLU6 behind
the expansion as well.

`super_channels` (C_s of a whole map) are permuted as one; without it every channel is, as in the
files. G1 x G2 of them meet the loose complementary condition with one path between two groups. The
notes' C_s of 2 for D and 4 for W can only be those of a group: two for a whole map of two groups
would leave the groups apart.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import lcm
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact, Paper
from convatlas.facts.papers import SUN2018
from convatlas.layers import (
    ChannelShuffle,
    ConvNorm,
    SelectChannels,
    check_groups,
    he_normal_by_inputs,
)
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class IGCV3Spec(Spec):
    """IGCV3-D; MobileNet v2's table with twice the blocks in its middle rows."""

    stem_channels: int = 32
    stem_stride: int = 2
    # rows: t expansion, c output channels, n blocks, s stride of the first block
    bottlenecks: tuple[tuple[int, int, int, int], ...] = (
        (1, 16, 1, 1),
        (6, 24, 4, 2),
        (6, 32, 6, 2),
        (6, 64, 8, 2),
        (6, 96, 6, 1),
        (6, 160, 6, 2),
        (6, 320, 1, 1),
    )
    last_channels: int = 1280  # of the 1x1 before the pool; widths below 1 keep it
    groups1: int = 2  # G1, of the expanding 1x1
    groups2: int = 2  # G2, of the projecting 1x1
    super_channels: int | None = None  # C_s; None: every channel on its own
    relu: Literal["3x3", "1x1", "block"] = "3x3"  # behind the 3x3, both 1x1, or the addition
    permuted_back: bool = True  # a permutation behind the projection


class Bottleneck(nn.Module):
    """1x1 in G1 groups, permutation, 3x3 per channel, 1x1 in G2 groups, permutation, addition."""

    def __init__(
        self,
        spec: IGCV3Spec,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
        residual: bool,
    ) -> None:
        super().__init__()
        wide = in_channels * expansion
        cs = spec.super_channels

        def relu(place: str) -> nn.Module:
            return nn.ReLU6(inplace=True) if spec.relu == place else nn.Identity()

        self.expand = ConvNorm(in_channels, wide, 1, groups=spec.groups1, activation=relu("1x1"))
        self.permute = _permutation(wide, spec.groups1, (cs or wide) // spec.groups1)
        self.depthwise = ConvNorm(wide, wide, 3, stride=stride, groups=wide, activation=relu("3x3"))
        self.project = ConvNorm(wide, out_channels, 1, groups=spec.groups2, activation=relu("1x1"))
        self.permute_back = (
            _permutation(out_channels, (cs or out_channels) // spec.groups2, spec.groups2)
            if spec.permuted_back
            else nn.Identity()
        )
        self.residual = residual
        self.relu = relu("block")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The projection, added to `x` but in the first block of a row."""
        f = self.depthwise(self.permute(self.expand(x)))
        f = self.permute_back(self.project(f))
        return self.relu(x + f if self.residual else f)


class IGCV3(nn.Module):
    """Stem, seven groups of bottlenecks, a last 1x1, global average, linear classifier."""

    def __init__(self, spec: IGCV3Spec) -> None:
        super().__init__()
        _check(spec)
        channels = _width(spec, spec.stem_channels)
        relu = nn.ReLU6(inplace=True)
        self.stem = ConvNorm(
            spec.in_channels, channels, 3, stride=spec.stem_stride, activation=relu
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (t, c, n, s) in enumerate(spec.bottlenecks, start=1):
            width = _width(spec, c)
            blocks = []
            for block in range(n):
                first = block == 0
                stride = s if first else 1
                blocks.append(
                    Bottleneck(
                        spec, channels, width, expansion=t, stride=stride, residual=not first
                    )
                )
                channels = width
            stages[f"bottleneck{number}"] = nn.Sequential(*blocks)
        wider = spec.width_multiplier > 1
        last = _width(spec, spec.last_channels) if wider else spec.last_channels
        stages["last"] = ConvNorm(channels, last, 1, activation=nn.ReLU6(inplace=True))
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, spec.num_classes)
        self.apply(he_normal_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check(spec: IGCV3Spec) -> None:
    one_of("relu", spec.relu, ("3x3", "1x1", "block"))
    counts = {"groups1": spec.groups1, "groups2": spec.groups2}
    if spec.super_channels is not None:
        for name, count in counts.items():
            check_groups(count, channels=spec.super_channels, name=name)
        counts = {"super_channels": spec.super_channels}
    for channels in (spec.stem_channels, *(c for _, c, _, _ in spec.bottlenecks)):
        for name, count in counts.items():
            check_groups(count, channels=channels, name=name)


def _width(spec: IGCV3Spec, channels: int) -> int:
    """The nearest whole number under the width multiplier, then up to what all groups divide."""
    if spec.width_multiplier == 1:
        return channels
    multiple = lcm(spec.groups1, spec.groups2, spec.super_channels or 1)
    return max(1, -(-round(channels * spec.width_multiplier) // multiple)) * multiple


def _permutation(channels: int, rows: int, columns: int) -> nn.Module:
    """Blocks of channels that lie in `rows` of `columns`, read column by column."""
    if rows == 1 or columns == 1:
        return nn.Identity()
    size = channels // (rows * columns)
    if size == 1:
        return ChannelShuffle(rows)
    indices = [
        (row * columns + column) * size + i
        for column in range(columns)
        for row in range(rows)
        for i in range(size)
    ]
    return SelectChannels(indices, in_channels=channels)


RELEASE2018 = Paper(
    "IGCV3-release",
    "IGCV3: Interleaved Low-Rank Group Convolutions",
    "homles11/IGCV3, README.md",
    "https://github.com/homles11/IGCV3",
)
_WIDER = (
    (1, 32, 1, 1),
    (6, 48, 2, 2),
    (6, 64, 3, 2),
    (6, 128, 4, 2),
    (6, 192, 3, 1),
    (6, 320, 3, 2),
    (6, 640, 1, 1),
)
_CIFAR = ((1, 16, 1, 1), (6, 24, 4, 1), *IGCV3Spec().bottlenecks[2:])
FAMILY = Family(
    name="igcv3",
    title="IGCV3 (interleaved low-rank group convolutions)",
    paper=SUN2018,
    build=IGCV3,
    variants={
        "igcv3_d": IGCV3Spec(),
        "igcv3_d_w070": IGCV3Spec(width_multiplier=0.7),
        "igcv3_d_w140": IGCV3Spec(width_multiplier=1.4),
        "igcv3_d_released": IGCV3Spec(permuted_back=False),
        "igcv3_d_g2g4": IGCV3Spec(groups2=4, permuted_back=False),
        "igcv3_d_relu_1x1": IGCV3Spec(relu="1x1"),
        "igcv3_d_relu_block": IGCV3Spec(relu="block"),
        "igcv3_w": IGCV3Spec(bottlenecks=_WIDER, groups1=4, groups2=4),
        "igcv3_w_g2": IGCV3Spec(bottlenecks=_WIDER, permuted_back=False),
        "igcv3_d_cifar100": IGCV3Spec(
            input_side=32, num_classes=100, stem_stride=1, bottlenecks=_CIFAR
        ),
    },
    facts=(
        Fact("igcv3_d", "params", "3.5e6", SUN2018, "ImageNet table"),
        Fact("igcv3_d_released", "params", "3.5e6", RELEASE2018, "ImageNet tables"),
        Fact(
            "igcv3_d",
            "mult_adds",
            "318e6",
            SUN2018,
            "ImageNet table",
            "counts more than convolutions: with one operation per element of ReLU6 it is 317.9 M",
        ),
        Fact(
            "igcv3_d_w070",
            "mult_adds",
            "210e6",
            SUN2018,
            "ImageNet table",
            "the released file, which multiplies some channels twice, gives 167.7 M; a width of "
            "0.78 would give 211 M",
            open=True,
        ),
        Fact(
            "igcv3_d_w140",
            "mult_adds",
            "610e6",
            SUN2018,
            "ImageNet table",
            "the released file, which multiplies some channels twice, gives 621.5 M",
            open=True,
        ),
        Fact(
            "igcv3_d_cifar100",
            "params",
            "2.4e6",
            RELEASE2018,
            "CIFAR table",
            "with the moving statistics of batch norm 2.403 M",
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
