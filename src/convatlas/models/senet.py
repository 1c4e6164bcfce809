"""SENet: gates that weight the channels of a unit by what the whole image holds.

Each channel is averaged over the image (squeeze); two small linear layers turn the averages into a
gate between 0 and 1 per channel (excitation), and the unit's channels are multiplied by their
gates before the shortcut is added. That costs a tenth of the parameters and hardly any mult-adds.

Paper: Hu et al., CVPR 2018 and its longer form (arXiv:1709.01507v4), whose tables are meant here:
Table 1; SENet-154 in the appendix; reduction ratios Table 10, stages Table 13, places Tables 14
and 15, no squeeze Table 16. Layers as the authors' released prototxt files have them.
Departs from the paper: nothing that it states. The released files, and so the nets here, halve the
side in the first 1x1 of SE-ResNet and in the 3x3 of SE-ResNeXt and SENet-154, and pool without
padding, rounding up. The nets whose names end in a ratio, a stage or a place are those of Sec. 6:
their gates have no biases, and `se_resnet50_r16` is the one that Sec. 6 compares with. Where the
gates stand on a shortcut that projects, they follow the projection.
Common elsewhere: timm's `legacy_seresnet50` (28,088,024 parameters), `legacy_seresnext50_32x4d`
(27,559,896) and `legacy_senet154` (115,088,984) and their deeper kin are these nets. Its
`seresnet50` has the same parameters with the stride in the 3x3 and a padded pool: 4.092 G
mult-adds instead of 3.860 G.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import lcm
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import HU2018
from convatlas.layers import (
    ConvNorm,
    ResidualUnit,
    SqueezeExcite,
    StrideIn,
    bottleneck_strides,
    check_groups,
    he_normal,
    hidden_channels,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of

Place = Literal["branch", "3x3", "pre", "post", "identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SENetSpec(Spec):
    """A column of Table 1 or the appendix's net, and what Sec. 6 varies."""

    depths: tuple[int, ...] = (3, 4, 6, 3)  # units in stage 2 .. stage 5
    cardinality: int = 1  # groups of the 3x3
    width: int = 64  # channels of a group in stage 2; doubles per stage
    halved: bool = False  # the first 1x1 of a unit has half of the 3x3's channels
    stride_in: StrideIn = "1x1"  # which convolution of a unit halves the resolution
    stem: Literal["7x7", "three 3x3"] = "7x7"
    projection: Literal["1x1", "3x3"] = "1x1"  # kernel of the shortcuts that halve the resolution
    dropout: float = 0.0  # before the classifier
    se_reduction: int = 16  # r
    se_stages: tuple[bool, ...] = (True, True, True, True)  # which stages have gates
    se_place: Place = "branch"  # at its end; after its 3x3; before it; after the unit; shortcut
    se_bias: bool = True
    squeeze: bool = True  # False: gates of every pixel's own channels (NoSqueeze)


class SEUnit(ResidualUnit):
    """Fig. 3 right and Fig. 5: a bottleneck with gates at one of five places, or without."""

    def __init__(
        self, spec: SENetSpec, in_channels: int, width: int, stage: int, *, stride: int
    ) -> None:
        super().__init__()
        place = spec.se_place if spec.se_stages[stage] else "none"
        out_channels = _out_channels(spec, stage)
        reduced = width // 2 if spec.halved else width
        groups = check_groups(spec.cardinality, channels=reduced, name="cardinality")
        first, second = bottleneck_strides(stride, spec.stride_in)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if place == "pre":
            layers["gates"] = _gates(spec, in_channels)
        layers["reduce"] = _activated(in_channels, reduced, 1, stride=first)
        layers["spatial"] = _activated(reduced, width, 3, stride=second, groups=groups)
        if place == "3x3":
            layers["gates"] = _gates(spec, width)
        layers["restore"] = ConvNorm(width, out_channels, 1)
        if place == "branch":
            layers["gates"] = _gates(spec, out_channels)
        self.layers = nn.Sequential(layers)
        shortcut = _shortcut(spec, in_channels, out_channels, stride)
        if place == "identity":
            shortcut = nn.Sequential(
                OrderedDict(project=shortcut, gates=_gates(spec, out_channels))
            )
        self._join_with(shortcut, None)
        if place == "post":
            self.relu = nn.Sequential(OrderedDict(relu=self.relu, gates=_gates(spec, out_channels)))

    def branch(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Reduced, convolved, restored, and weighted where the gates are."""
        return self.layers(x)


class SENet(nn.Module):
    """Stem, stages of units, global average, linear classifier."""

    def __init__(self, spec: SENetSpec) -> None:
        super().__init__()
        _check(spec)
        self.stem, channels = _stem(spec)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, depth in enumerate(spec.depths):
            width = scale_channels(
                spec.cardinality * spec.width * 2**stage,
                spec.width_multiplier,
                divisor=lcm(8, spec.cardinality * (2 if spec.halved else 1)),
            )
            units: list[nn.Module] = []
            for unit in range(depth):
                stride = 2 if unit == 0 and stage > 0 else 1
                units.append(SEUnit(spec, channels, width, stage, stride=stride))
                channels = _out_channels(spec, stage)
            stages[f"stage{stage + 2}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        classifier = nn.Linear(channels, spec.num_classes)
        dropout = nn.Dropout(spec.dropout)
        self.classifier = (
            nn.Sequential(OrderedDict(dropout=dropout, fc=classifier))
            if spec.dropout
            else classifier
        )
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check(spec: SENetSpec) -> None:
    one_of("stem", spec.stem, ("7x7", "three 3x3"))
    one_of("projection", spec.projection, ("1x1", "3x3"))
    one_of("se_place", spec.se_place, ("branch", "3x3", "pre", "post", "identity"))
    for name in ("cardinality", "width"):
        value = getattr(spec, name)
        if type(value) is not int or value < 1:
            raise UserError(f"{name}={value!r}; it must be a whole number from 1.")
    if not 0 <= spec.dropout < 1:
        raise UserError(f"dropout={spec.dropout!r}; it must be at least 0 and below 1.")
    if len(spec.se_stages) != len(spec.depths):
        raise UserError(
            f"se_stages={spec.se_stages!r} does not say True or False for each of "
            f"{len(spec.depths)} stages."
        )


def _stem(spec: SENetSpec) -> tuple[nn.Module, int]:
    narrow, wide = (scale_channels(c, spec.width_multiplier) for c in (64, 128))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if spec.stem == "7x7":
        layers["conv1"] = _activated(spec.in_channels, narrow, 7, stride=2)
    else:
        layers["conv1_1"] = _activated(spec.in_channels, narrow, 3, stride=2)
        layers["conv1_2"] = _activated(narrow, narrow, 3)
        layers["conv1_3"] = _activated(narrow, wide, 3)
    layers["pool"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)  # as Caffe rounds
    return nn.Sequential(layers), narrow if spec.stem == "7x7" else wide


def _activated(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1
) -> ConvNorm:
    return ConvNorm(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        groups=groups,
        activation=nn.ReLU(inplace=True),
    )


def _out_channels(spec: SENetSpec, stage: int) -> int:
    return scale_channels(256 * 2**stage, spec.width_multiplier)


def _shortcut(spec: SENetSpec, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    kernel = 3 if spec.projection == "3x3" and stride > 1 else 1
    return ConvNorm(in_channels, out_channels, kernel, stride=stride)


def _gates(spec: SENetSpec, channels: int) -> SqueezeExcite:
    return SqueezeExcite(
        channels,
        hidden_channels(channels, spec.se_reduction, spec.width_multiplier),
        bias=spec.se_bias,
        squeezed=spec.squeeze,
    )


RELEASED = Paper("SENet code", "SENet", "released models", "https://github.com/hujie-frank/SENet")
_OPERATIONS = (
    "counts one operation per element for the additions of the shortcuts, the squeeze's averages "
    "and the scaling by the gates too"
)
_STATISTICS = "counts the running means and variances of the batch norms too (53,120)"
_BIASES = (
    "30.66e6 with the running means and variances of the batch norms and with biases in the "
    "gates, which Sec. 6 says it leaves out"
)
_FILE = "the file holds the running means and variances of the batch norms and the layout too"
_SIZES = (
    *(("se_resnet50", "107", ""), ("se_resnet101", "189", _FILE), ("se_resnet152", "256", _FILE)),
    *(("se_resnext50_32x4d", "105", ""), ("se_resnext101_32x4d", "187", "")),
    ("senet154", "440", ""),
)
_D101 = (3, 4, 23, 3)
_D152 = (3, 8, 36, 3)


def _resnext(**changes: Any) -> SENetSpec:
    return SENetSpec(cardinality=32, width=4, stride_in="3x3", **changes)


def _ablated(**changes: Any) -> SENetSpec:
    """SE-ResNet-50 as in Sec. 6."""
    return SENetSpec(se_bias=False, **changes)


def _only(*numbers: int) -> tuple[bool, ...]:
    return tuple(stage in numbers for stage in (2, 3, 4, 5))


FAMILY = Family(
    name="senet",
    title="SENet",
    paper=HU2018,
    build=SENet,
    variants={
        "se_resnet50": SENetSpec(),
        "se_resnet101": SENetSpec(depths=_D101),
        "se_resnet152": SENetSpec(depths=_D152),
        "se_resnext50_32x4d": _resnext(),
        "se_resnext101_32x4d": _resnext(depths=_D101),
        "senet154": SENetSpec(
            depths=_D152,
            cardinality=64,
            width=4,
            halved=True,
            stride_in="3x3",
            stem="three 3x3",
            projection="3x3",
            dropout=0.2,
        ),
        **{f"se_resnet50_r{r}": _ablated(se_reduction=r) for r in (2, 4, 8, 16, 32)},
        **{f"se_resnet50_stage{n}": _ablated(se_stages=_only(n)) for n in (2, 3, 4)},
        "se_resnet50_stage234": _ablated(se_stages=_only(2, 3, 4)),
        "se_resnet50_pre": _ablated(se_place="pre"),
        "se_resnet50_post": _ablated(se_place="post"),
        "se_resnet50_identity": _ablated(se_place="identity"),
        "se_resnet50_3x3": _ablated(se_place="3x3"),
        "se_resnet50_nosqueeze": _ablated(squeeze=False),
    },
    facts=(
        Fact("se_resnet50", "mult_adds", "3.87e9", HU2018, "Table 2", _OPERATIONS),
        Fact("se_resnet101", "mult_adds", "7.60e9", HU2018, "Table 2", _OPERATIONS),
        Fact("se_resnet152", "mult_adds", "11.32e9", HU2018, "Table 2", _OPERATIONS),
        Fact("se_resnext50_32x4d", "mult_adds", "4.25e9", HU2018, "Table 2", _OPERATIONS),
        Fact("se_resnext101_32x4d", "mult_adds", "8.00e9", HU2018, "Table 2", _OPERATIONS),
        Fact("se_resnet50_r2", "params", "45.7e6", HU2018, "Table 10"),
        Fact("se_resnet50_r4", "params", "35.7e6", HU2018, "Table 10", _STATISTICS),
        Fact("se_resnet50_r8", "params", "30.7e6", HU2018, "Table 10", _BIASES),
        Fact("se_resnet50_r16", "params", "28.1e6", HU2018, "Tables 10, 13, 15 and 16"),
        Fact("se_resnet50_r32", "params", "26.9e6", HU2018, "Table 10", _STATISTICS),
        Fact("se_resnet50_stage2", "params", "25.6e6", HU2018, "Table 13"),
        Fact("se_resnet50_stage3", "params", "25.7e6", HU2018, "Table 13"),
        Fact("se_resnet50_stage4", "params", "26.4e6", HU2018, "Table 13", _STATISTICS),
        *(
            Fact(f"se_resnet50_stage{n}", "mult_adds", "3.86e9", HU2018, "Table 13")
            for n in (2, 3, 4)
        ),
        Fact("se_resnet50_r16", "mult_adds", "3.87e9", HU2018, "Tables 13, 15 and 16", _OPERATIONS),
        Fact("se_resnet50_3x3", "params", "25.8e6", HU2018, "Table 15", _STATISTICS),
        Fact("se_resnet50_3x3", "mult_adds", "3.86e9", HU2018, "Table 15"),
        Fact("se_resnet50_nosqueeze", "params", "28.1e6", HU2018, "Table 16"),
        Fact("se_resnet50_nosqueeze", "mult_adds", "4.27e9", HU2018, "Table 16"),
        *(
            Fact(name, "size_bytes", printed, RELEASED, "README, Table 1", cause, unit=2**20)
            for name, printed, cause in _SIZES
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
