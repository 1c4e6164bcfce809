"""ShuffleNet: group convolutions in both 1x1 layers of a residual block, and a shuffle between.

With 1x1 convolutions in groups a budget affords wider layers, but groups never hear of one another.
The shuffle hands every group channels from all groups. More groups: wider stages at equal cost.

Paper: Zhang et al., CVPR 2018 (arXiv:1707.01083): units Fig. 2, nets Table 1.
Departs from the paper: nothing at 1x. At other scales the paper scales all channels and does not
say how they round where groups do not divide them: here the stem and a unit's inner channels are
rounded up to a multiple of the groups, which gives the authors' released files (stem 16 at half
width with 8 groups). The channels of the shallow net are not printed: `shufflenet_v1_g3_shallow`
takes half of the units and the scale that meets its 40 M mult-adds. SE weighs a unit's channels
before the addition, or after the joining, with a sixteenth of them inside: the printed 3 M more.
Common elsewhere: no bias in the classifier (the authors' files: 1,000 parameters fewer).
pytorchcv's `shufflenet_g3_w1` and its kin have equal counts, but at stride 2 they put the branch
before the pool; here the pool comes first, as in the authors' files.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper, Quantity
from convatlas.facts.papers import ZHANG2018
from convatlas.layers import ChannelShuffle, ConvNorm, check_groups, he_normal, squeeze_excite
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffleNetV1Spec(Spec):
    """A column of Table 1; the width multiplier is the scale s of Table 2."""

    groups: int = 3  # g of both 1x1 convolutions
    stage2_channels: int = 240  # doubles per stage
    stem_channels: int = 24
    depths: tuple[int, ...] = (4, 8, 4)  # units per stage, the one of stride 2 included
    shuffle: bool = True
    se_reduction: int | None = None  # squeeze-excite inside has channels / this; None: none


class Unit(nn.Module):
    """Fig. 2b and c: 1x1 in groups, shuffle, 3x3 per channel, 1x1 in groups, and a shortcut.

    At stride 1 the shortcut is added; at stride 2 it is an average pool, joined with the branch.
    """

    def __init__(
        self,
        spec: ShuffleNetV1Spec,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        first_groups: int,
    ) -> None:
        super().__init__()
        groups = spec.groups
        inner = _multiple(out_channels / 4, groups)
        made = out_channels - in_channels if stride == 2 else out_channels
        if made < 1:
            raise UserError(
                f"A stage of {out_channels} channels passes on {in_channels} and adds none. "
                "Use a larger stage2_channels, or a smaller stem_channels."
            )
        check_groups(groups, channels=made)
        branch: OrderedDict[str, nn.Module] = OrderedDict()
        branch["reduce"] = ConvNorm(
            in_channels, inner, 1, groups=first_groups, activation=nn.ReLU(inplace=True)
        )
        branch["shuffle"] = ChannelShuffle(groups) if spec.shuffle else nn.Identity()
        branch["depthwise"] = ConvNorm(inner, inner, 3, stride=stride, groups=inner)
        branch["expand"] = ConvNorm(inner, made, 1, groups=groups)
        self.branch = nn.Sequential(branch)
        self.excite = squeeze_excite(out_channels, spec.se_reduction)
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The branch and the shortcut, added or joined, rectified."""
        f = self.branch(x)
        if self.shortcut is None:
            return self.relu(x + self.excite(f))
        return self.relu(self.excite(torch.cat([self.shortcut(x), f], dim=1)))


class ShuffleNetV1(nn.Module):
    """Stem and pool, three stages that halve the resolution, global average, classifier."""

    def __init__(self, spec: ShuffleNetV1Spec) -> None:
        super().__init__()
        scale = spec.width_multiplier
        channels = _multiple(spec.stem_channels * scale, spec.groups)
        self.stem = nn.Sequential(
            ConvNorm(spec.in_channels, channels, 3, stride=2, activation=nn.ReLU(inplace=True)),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        width = _multiple(spec.stage2_channels * scale, spec.groups)
        for stage, depth in enumerate(spec.depths, start=2):
            units: list[nn.Module] = []
            for unit in range(depth):
                first = stage == 2 and unit == 0  # few channels come in: no groups there
                units.append(
                    Unit(
                        spec,
                        channels,
                        width,
                        stride=2 if unit == 0 else 1,
                        first_groups=1 if first else spec.groups,
                    )
                )
                channels = width
            stages[f"stage{stage}"] = nn.Sequential(*units)
            width *= 2
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _multiple(channels: float, groups: int) -> int:
    """`channels` rounded up to a multiple of `groups`."""
    check_groups(groups, channels=groups)
    return max(1, -int(-channels // groups)) * groups


RELEASE2019 = Paper(
    "ShuffleNet-v1-release",
    "ShuffleNet series: ShuffleNetV1",
    "megvii-model/ShuffleNet-Series, ShuffleNetV1/README.md",
    "https://github.com/megvii-model/ShuffleNet-Series",
)
_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}  # Table 1: of stage 2 by groups
# The stem's channels at scale 1: 24 as well at 1.5x, and 12 at 0.25x, by the printed mult-adds
_STEMS = {"x0_25": 48, "x0_5": 24, "x1_0": 24, "x1_5": 16, "x2_0": 24}
_SCALES = {"x0_25": 0.25, "x0_5": 0.5, "x1_0": 1.0, "x1_5": 1.5, "x2_0": 2.0}
_TABLE_1 = {1: "143e6", 2: "140e6", 3: "137e6", 4: "133e6", 8: "137e6"}
_ONE_FOR_ALL = "one figure stands for all five numbers of groups; how channels round is not said"
_FOUR = "Table 1's channels give 134.3 M; the authors' files have no net with 4 groups"
_LATER = "the paper's Table 1 prints 137 for this net, which is the count"
_EIGHT = "the authors' later release prints 138 for this net, which is the count"


def _net(groups: int, scale: str) -> ShuffleNetV1Spec:
    return ShuffleNetV1Spec(
        groups=groups,
        stage2_channels=_CHANNELS[groups],
        stem_channels=_STEMS[scale],
        width_multiplier=_SCALES[scale],
    )


_NETS = {f"shufflenet_v1_g{g}_{scale}": _net(g, scale) for scale in _SCALES for g in _CHANNELS}
_RELEASE: tuple[tuple[str, Quantity, str, str], ...] = (
    ("g3_x2_0", "params", "5.4e6", ""),
    ("g3_x2_0", "mult_adds", "524e6", ""),
    ("g8_x2_0", "params", "6.5e6", ""),
    ("g8_x2_0", "mult_adds", "522e6", ""),
    ("g3_x1_5", "params", "3.4e6", ""),
    ("g3_x1_5", "mult_adds", "292e6", ""),
    ("g8_x1_5", "params", "4.3e6", ""),
    ("g8_x1_5", "mult_adds", "290e6", ""),
    ("g3_x1_0", "params", "1.9e6", ""),
    ("g3_x1_0", "mult_adds", "138e6", _LATER),
    ("g8_x1_0", "params", "2.4e6", ""),
    ("g8_x1_0", "mult_adds", "138e6", ""),
    ("g3_x0_5", "params", "0.7e6", ""),
    ("g3_x0_5", "mult_adds", "38e6", ""),
    ("g8_x0_5", "params", "1.0e6", ""),
    ("g8_x0_5", "mult_adds", "40e6", ""),
)
_FACTS = (
    *(
        Fact(
            f"shufflenet_v1_g{g}_x1_0",
            "mult_adds",
            printed,
            ZHANG2018,
            "Table 1",
            {4: _FOUR, 8: _EIGHT}.get(g, ""),
        )
        for g, printed in _TABLE_1.items()
    ),
    *(
        Fact(
            f"shufflenet_v1_g{g}_{scale}",
            "mult_adds",
            printed,
            ZHANG2018,
            "Table 2",
            _ONE_FOR_ALL if (g, scale) in ((4, "x0_5"), (8, "x0_5"), (8, "x0_25")) else "",
        )
        for scale, printed in (("x0_5", "38e6"), ("x0_25", "13e6"))
        for g in _CHANNELS
    ),
    Fact("shufflenet_v1_g3_x2_0", "mult_adds", "524e6", ZHANG2018, "Table 5"),
    Fact("shufflenet_v1_g3_x2_0_se", "mult_adds", "527e6", ZHANG2018, "Table 5"),
    Fact("shufflenet_v1_g3_x1_5", "mult_adds", "292e6", ZHANG2018, "Table 5"),
    Fact("shufflenet_v1_g3_shallow", "mult_adds", "40e6", ZHANG2018, "Table 5"),
    Fact("shufflenet_v1_g3_shallow", "layers", "26", ZHANG2018, "Sec. 4.2.1"),
    *(
        Fact(f"shufflenet_v1_{net}", quantity, printed, RELEASE2019, "results table", because)
        for net, quantity, printed, because in _RELEASE
    ),
)
FAMILY = Family(
    name="shufflenet_v1",
    title="ShuffleNet v1",
    paper=ZHANG2018,
    build=ShuffleNetV1,
    variants={
        **_NETS,
        **{
            f"{name}_no_shuffle": replace(_NETS[name], shuffle=False)
            for scale in ("x0_25", "x0_5", "x1_0")
            for name in (f"shufflenet_v1_g3_{scale}", f"shufflenet_v1_g8_{scale}")
        },
        "shufflenet_v1_g3_x2_0_se": replace(_net(3, "x2_0"), se_reduction=16),
        "shufflenet_v1_g3_shallow": ShuffleNetV1Spec(depths=(2, 4, 2), width_multiplier=0.7),
    },
    facts=_FACTS,
    widths=(0.25, 0.5, 1.0),
)
