"""ShuffleNet v2: split the channels, work on one half, join, shuffle.

Built for speed instead of mult-adds, by four rules (Section 2): equal widths in and out of 1x1
convolutions, no group convolution, few branches, few element-wise operations. A unit leaves half
of its channels alone, so that features are reused as in a DenseNet.

Paper: Ma et al., ECCV 2018 (arXiv:1807.11164): units Fig. 3c and 3d, nets Table 5.
Departs from the paper: nothing. Of `shufflenet_v2_50`, `se_shufflenet_v2_x2_0` and
`se_shufflenet_v2_164` (appendix and Table 6) the text leaves open where the gates sit: on a unit's
joined channels with half as many inside they take the 6 M that Table 8 prints for them. The file
that was later released as "large", of 140.7 M parameters, is another net.
Common elsewhere: channel counts of 1.5x and 2x other than Table 5's; no bias in the classifier and
dropout 0.2 at 2x (the authors' later release).

`shufflenet_v2_small` is no net of the paper: for images of 8 to 64 pixels the stem keeps the
resolution, there is no max pool, and two stages of four units are left.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import MA2018
from convatlas.layers import (
    ChannelShuffle,
    ConvNorm,
    JoinShuffle,
    he_normal,
    scale_channels,
    squeeze_excite,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffleNetV2Spec(Spec):
    """A column of Table 5."""

    stem_channels: int = 24
    more_stem_channels: tuple[int, ...] = ()  # of 3x3 convolutions behind the first
    first_stride: int = 2  # of the first stage
    residual: bool = False  # a unit's working half is added to what it made (very deep nets)
    se_reduction: int | None = None  # gates on a unit's joined channels, 1/r of them inside
    small_stem: bool = False  # True: stride 1 and no max pool, for small images
    stages: tuple[tuple[int, int], ...]  # (units, channels) of Stage2, Stage3, ...
    last_channels: int = 1024  # of the 1x1 convolution before the pool


class Join(nn.Module):
    """Concatenation, gates where a net has them, and the shuffle."""

    def __init__(self, channels: int, se_reduction: int | None) -> None:
        super().__init__()
        self.excite = None if se_reduction is None else squeeze_excite(channels, se_reduction)
        self.shuffle = JoinShuffle() if self.excite is None else ChannelShuffle(2)

    def forward(
        self, first: Float[Tensor, "n c h w"], second: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c2 h w"]:
        """The channels of both halves in turn."""
        if self.excite is None:
            return self.shuffle(first, second)
        return self.shuffle(self.excite(torch.cat([first, second], dim=1)))


class BasicUnit(nn.Module):
    """Fig. 3c: one half of the channels stays, the other passes three convolutions.

    In very deep nets the half that works is a residual unit itself (appendix).
    """

    def __init__(self, spec: ShuffleNetV2Spec, channels: int) -> None:
        super().__init__()
        half = channels // 2
        last = None if spec.residual else nn.ReLU(inplace=True)
        self.branch = nn.Sequential(
            ConvNorm(half, half, 1, activation=nn.ReLU(inplace=True)),
            ConvNorm(half, half, 3, groups=half),
            ConvNorm(half, half, 1, activation=last),
        )
        self.relu = nn.ReLU(inplace=True) if spec.residual else None
        self.join = Join(channels, spec.se_reduction)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Both halves, shuffled."""
        halves = x.chunk(2, dim=1)
        made = self.branch(halves[1])
        if self.relu is not None:
            made = self.relu(made + halves[1])
        return self.join(halves[0], made)


class DownsamplingUnit(nn.Module):
    """Fig. 3d: no split, both branches at the stride; their halves make up `out_channels`."""

    def __init__(
        self, spec: ShuffleNetV2Spec, in_channels: int, out_channels: int, *, stride: int
    ) -> None:
        super().__init__()
        half = out_channels // 2
        self.shortcut = nn.Sequential(
            ConvNorm(in_channels, in_channels, 3, stride=stride, groups=in_channels),
            ConvNorm(in_channels, half, 1, activation=nn.ReLU(inplace=True)),
        )
        self.branch = nn.Sequential(
            ConvNorm(in_channels, half, 1, activation=nn.ReLU(inplace=True)),
            ConvNorm(half, half, 3, stride=stride, groups=half),
            ConvNorm(half, half, 1, activation=nn.ReLU(inplace=True)),
        )
        self.join = Join(out_channels, spec.se_reduction)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Both branches, shuffled."""
        return self.join(self.shortcut(x), self.branch(x))


class ShuffleNetV2(nn.Module):
    """Stem, stages that halve the resolution, a last 1x1, global average, classifier."""

    def __init__(self, spec: ShuffleNetV2Spec) -> None:
        super().__init__()
        channels = scale_channels(spec.stem_channels, spec.width_multiplier)
        self.stem, channels = _stem(spec, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (depth, width) in enumerate(spec.stages, start=2):
            width = scale_channels(width, spec.width_multiplier)
            if width % 2:
                raise UserError(
                    f"Stage{number} has {width} channels. A unit halves its channels: "
                    f"use an even number."
                )
            stride = spec.first_stride if number == 2 else 2
            units: list[nn.Module] = [DownsamplingUnit(spec, channels, width, stride=stride)]
            units += [BasicUnit(spec, width) for _ in range(depth - 1)]
            stages[f"stage{number}"] = nn.Sequential(*units)
            channels = width
        last = scale_channels(spec.last_channels, spec.width_multiplier)
        stages[f"conv{len(spec.stages) + 2}"] = ConvNorm(
            channels, last, 1, activation=nn.ReLU(inplace=True)
        )
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _stem(spec: ShuffleNetV2Spec, channels: int) -> tuple[nn.Sequential, int]:
    """The stem and its output channels."""
    stride = 1 if spec.small_stem else 2
    layers: list[nn.Module] = []
    before = spec.in_channels
    more = (scale_channels(c, spec.width_multiplier) for c in spec.more_stem_channels)
    for made in (channels, *more):
        layers.append(ConvNorm(before, made, 3, stride=stride, activation=nn.ReLU(inplace=True)))
        before, stride = made, 1
    if not spec.small_stem:
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers), before


RELEASE2019 = Paper(
    "ShuffleNet-v2-release",
    "ShuffleNet series: ShuffleNetV2",
    "megvii-model/ShuffleNet-Series, ShuffleNetV2/README.md",
    "https://github.com/megvii-model/ShuffleNet-Series",
)
_PLACES = ((MA2018, "Table 5"), (RELEASE2019, "results table"))
_MORE_THAN_COUNTED = (
    "Table 5's channels give {} M by the authors' stated convention (convolutions and classifier "
    "only), {} M with one operation more per output, as a bias takes; neither gives all "
    "four columns"
)
_OTHERS = (
    Fact("shufflenet_v2_50", "mult_adds", "2.3e9", MA2018, "Table 6"),
    Fact("se_shufflenet_v2_164", "mult_adds", "12.7e9", MA2018, "Table 6"),
    Fact(
        "se_shufflenet_v2_x2_0",
        "mult_adds",
        "597e6",
        MA2018,
        "Table 8",
        "591 M as printed without gates, which is more than the count, and 6 M of gates",
    ),
)
_FACTS = tuple(
    fact
    for paper, where in _PLACES
    for variant, params, mult_adds, counted, biased in (
        ("shufflenet_v2_x0_5", "1.4e6", "41e6", "40.5", "41.5"),
        ("shufflenet_v2_x1_0", "2.3e6", "146e6", "144.9", "146.9"),
        ("shufflenet_v2_x1_5", "3.5e6", "299e6", "295.8", "298.5"),
        ("shufflenet_v2_x2_0", "7.4e6", "591e6", "583.3", "587.0"),
    )
    for fact in (
        Fact(variant, "params", params, paper, where),
        Fact(
            variant,
            "mult_adds",
            mult_adds,
            paper,
            where,
            _MORE_THAN_COUNTED.format(counted, biased),
            open=True,
        ),
    )
)
FAMILY = Family(
    name="shufflenet_v2",
    title="ShuffleNet v2",
    paper=MA2018,
    build=ShuffleNetV2,
    variants={
        "shufflenet_v2_x0_5": ShuffleNetV2Spec(stages=((4, 48), (8, 96), (4, 192))),
        "shufflenet_v2_x1_0": ShuffleNetV2Spec(stages=((4, 116), (8, 232), (4, 464))),
        "shufflenet_v2_x1_5": ShuffleNetV2Spec(stages=((4, 176), (8, 352), (4, 704))),
        "shufflenet_v2_x2_0": ShuffleNetV2Spec(
            stages=((4, 244), (8, 488), (4, 976)), last_channels=2048
        ),
        "se_shufflenet_v2_x2_0": ShuffleNetV2Spec(
            stages=((4, 244), (8, 488), (4, 976)), last_channels=2048, se_reduction=2
        ),
        "shufflenet_v2_50": ShuffleNetV2Spec(
            stem_channels=64,
            first_stride=1,
            stages=((3, 244), (4, 488), (6, 976), (3, 1952)),
            last_channels=2048,
        ),
        "se_shufflenet_v2_164": ShuffleNetV2Spec(
            stem_channels=64,
            more_stem_channels=(64, 128),
            first_stride=1,
            stages=((10, 340), (10, 680), (23, 1360), (10, 2720)),
            last_channels=2048,
            residual=True,
            se_reduction=2,
        ),
        "shufflenet_v2_small": ShuffleNetV2Spec(
            input_side=32,
            num_classes=10,
            small_stem=True,
            stages=((4, 96), (4, 192)),
            last_channels=320,
        ),
    },
    facts=_FACTS + _OTHERS,
    widths=(0.25, 0.5, 1.0),
    offered=(
        "shufflenet_v2_x0_5",
        "shufflenet_v2_x1_0",
        "shufflenet_v2_x1_5",
        "shufflenet_v2_x2_0",
        "shufflenet_v2_small",
    ),
)
