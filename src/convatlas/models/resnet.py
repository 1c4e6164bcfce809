"""Residual networks for ImageNet: every unit learns a correction to its input.

A plain net of 34 layers trains to a higher error than one of 18. With a shortcut around every two
or three layers, depth helps again. Shortcuts where channels double: A pads with zeros (no
parameters), B projects there, C projects everywhere; "none" is the plain net.

Paper: He et al., CVPR 2016 (arXiv:1512.03385): Table 1, units Fig. 5, shortcuts Sec. 4.1.
Departs from the paper: nothing. Table 2 compares `resnet18_a` and `resnet34_a` with the plain
nets; Table 3 is `resnet34_a`, `resnet34` (option B), `resnet34_c` and option B above. `resnet18`
is Table 1's column with option B.
Common elsewhere: the stride in the 3x3, here `resnet50_v15` and its kin: equal parameters, 6 %
more mult-adds, another net. The authors' released caffe model of 50 layers has a bias in the
7x7; the paper does not say, and with batch norm behind it it does nothing.

`resnet200` and `resnet200_v15` are the 200 layers that He et al. (ECCV 2016, Table 5) compare with
pre-activation. The nets with `_stochastic_depth` drop whole units in training (Huang et al., ECCV
2016): once per mini-batch a unit's branch is left out with a probability that grows linearly with
depth to one half (`survival`, p_L), and in evaluation it is scaled by the probability of being
there. That paper trained 152 layers in code whose stride is in the 3x3, here
`resnet152_v15_stochastic_depth`; its text says the net of He et al., here
`resnet152_stochastic_depth`. The form with 50 layers and the uniform rule are not in its tables.

`resnet18_small` is no net of the paper: for images of 8 to 64 pixels its stem is a 3x3 of stride 1
without pooling.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import HE2016, HE2016B, HU2018, HUANG2016, XIE2017
from convatlas.layers import (
    BasicUnit,
    BottleneckUnit,
    ShortcutOption,
    StrideIn,
    SurvivalRule,
    he_normal,
    residual_stem,
    scale_channels,
    survival_probabilities,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetSpec(Spec):
    """A column of Table 1."""

    depths: tuple[int, ...] = (3, 4, 6, 3)  # units in conv2_x .. conv5_x
    unit: Literal["basic", "bottleneck"] = "basic"
    width: int = 64  # of the stem and of conv2_x's 3x3; doubles per stage
    expansion: int = 4  # a bottleneck's output channels / channels of its 3x3
    shortcut: ShortcutOption = "B"
    stride_in: StrideIn = "1x1"  # which convolution of a bottleneck halves the resolution
    stem: Literal["7x7", "3x3"] = "7x7"  # 7x7 at stride 2 and a max pool, or 3x3 at stride 1
    survival: float | None = None  # p_L of stochastic depth; None: no unit is ever dropped
    survival_rule: SurvivalRule = "linear"  # how the probabilities fall to p_L


class ResNet(nn.Module):
    """Stem, four stages of units, global average, linear classifier."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        channels = scale_channels(spec.width, spec.width_multiplier)
        self.stem = residual_stem(spec.stem, spec.in_channels, channels)
        survivals = iter(
            survival_probabilities(spec.survival, spec.survival_rule, sum(spec.depths))
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, depth in enumerate(spec.depths):
            width = scale_channels(spec.width * 2**stage, spec.width_multiplier)
            units: list[nn.Module] = []
            for unit in range(depth):
                stride = 2 if unit == 0 and stage > 0 else 1
                units.append(_unit(spec, channels, width, stride, next(survivals)))
                channels = _out_channels(spec, width)
            stages[f"conv{stage + 2}_x"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _unit(
    spec: ResNetSpec, in_channels: int, width: int, stride: int, survival: float | None
) -> nn.Module:
    out_channels = _out_channels(spec, width)
    if spec.unit == "basic":
        return BasicUnit(
            in_channels, out_channels, stride=stride, shortcut=spec.shortcut, survival=survival
        )
    return BottleneckUnit(
        in_channels,
        width,
        out_channels,
        stride=stride,
        stride_in=spec.stride_in,
        shortcut=spec.shortcut,
        survival=survival,
    )


def _out_channels(spec: ResNetSpec, width: int) -> int:
    if spec.unit not in ("basic", "bottleneck"):
        raise UserError(f"unit={spec.unit!r} is unknown. Use 'basic' or 'bottleneck'.")
    return width if spec.unit == "basic" else width * spec.expansion


_D18 = (2, 2, 2, 2)
_D34 = (3, 4, 6, 3)
_D101 = (3, 4, 23, 3)
_D152 = (3, 8, 36, 3)
_D200 = (3, 24, 36, 3)
_ADDITIONS = "counts one operation per element for the additions of the shortcuts too"

FAMILY = Family(
    name="resnet",
    title="ResNet and plain nets",
    paper=HE2016,
    build=ResNet,
    variants={
        "plain18": ResNetSpec(depths=_D18, shortcut="none"),
        "plain34": ResNetSpec(depths=_D34, shortcut="none"),
        "resnet18_a": ResNetSpec(depths=_D18, shortcut="A"),
        "resnet34_a": ResNetSpec(depths=_D34, shortcut="A"),
        "resnet18": ResNetSpec(depths=_D18),
        "resnet34": ResNetSpec(depths=_D34),
        "resnet34_c": ResNetSpec(depths=_D34, shortcut="C"),
        "resnet50": ResNetSpec(depths=_D34, unit="bottleneck"),
        "resnet101": ResNetSpec(depths=_D101, unit="bottleneck"),
        "resnet152": ResNetSpec(depths=_D152, unit="bottleneck"),
        "resnet50_v15": ResNetSpec(depths=_D34, unit="bottleneck", stride_in="3x3"),
        "resnet101_v15": ResNetSpec(depths=_D101, unit="bottleneck", stride_in="3x3"),
        "resnet152_v15": ResNetSpec(depths=_D152, unit="bottleneck", stride_in="3x3"),
        "resnet200": ResNetSpec(depths=_D200, unit="bottleneck"),
        "resnet200_v15": ResNetSpec(depths=_D200, unit="bottleneck", stride_in="3x3"),
        "resnet50_stochastic_depth": ResNetSpec(depths=_D34, unit="bottleneck", survival=0.5),
        "resnet50_stochastic_depth_uniform": ResNetSpec(
            depths=_D34, unit="bottleneck", survival=0.5, survival_rule="uniform"
        ),
        "resnet152_stochastic_depth": ResNetSpec(depths=_D152, unit="bottleneck", survival=0.5),
        "resnet152_v15_stochastic_depth": ResNetSpec(
            depths=_D152, unit="bottleneck", stride_in="3x3", survival=0.5
        ),
        "resnet18_small": ResNetSpec(depths=_D18, stem="3x3", input_side=32, num_classes=10),
    },
    facts=(
        Fact("plain18", "mult_adds", "1.8e9", HE2016, "Table 1"),
        Fact("plain34", "mult_adds", "3.6e9", HE2016, "Table 1, Fig. 3"),
        Fact("resnet18_a", "mult_adds", "1.8e9", HE2016, "Table 1"),
        Fact("resnet34_a", "mult_adds", "3.6e9", HE2016, "Table 1, Fig. 3"),
        Fact("resnet18", "mult_adds", "1.8e9", HE2016, "Table 1"),
        Fact("resnet34", "mult_adds", "3.6e9", HE2016, "Table 1"),
        Fact("resnet50", "mult_adds", "3.8e9", HE2016, "Table 1, Sec. 4.1"),
        Fact("resnet101", "mult_adds", "7.6e9", HE2016, "Table 1"),
        Fact("resnet152", "mult_adds", "11.3e9", HE2016, "Table 1, Sec. 4.1"),
        Fact("resnet50", "mult_adds", "3.86e9", HU2018, "Table 2"),
        Fact("resnet101", "mult_adds", "7.58e9", HU2018, "Table 2", _ADDITIONS),
        Fact("resnet152", "mult_adds", "11.30e9", HU2018, "Table 2", _ADDITIONS),
        Fact("resnet50_v15", "params", "25.5e6", XIE2017, "Table 1"),
        Fact("resnet50_v15", "mult_adds", "4.1e9", XIE2017, "Table 1"),
        Fact("resnet101_v15", "mult_adds", "7.8e9", XIE2017, "Table 4"),
        Fact("resnet200", "layers", "200", HE2016B, "Table 5"),
        Fact("resnet152_stochastic_depth", "layers", "152", HUANG2016, "Sec. 4, ImageNet"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=("resnet18", "resnet34", "resnet50", "resnet18_small"),
)
