"""ResNeXt: a residual unit that sums many thin paths of one shape.

How many paths there are, the cardinality C, is a dimension beside depth and width: at equal cost
more and thinner paths (C x d, each d channels wide) err less. Paths of three layers are a grouped
convolution between two 1x1 convolutions; paths of two layers are nothing but a wider dense unit.

Paper: Xie et al., CVPR 2017 (arXiv:1611.05431): Table 1; templates C x d Table 2; nets Tables 3, 4
and 7; the three equal forms Fig. 3 and footnote 6; two-layer paths Fig. 4.
Departs from the paper: nothing. The nets 1x64d are ResNets with the stride in the 3x3, here
`resnet50_v15` and `resnet101_v15`; Table 4's ResNet-200 is a net of pre-activation units.
`resnext50_32x4d_plain` is Sec. 5.1's net without shortcuts. For CIFAR, 8x64d and 16x64d are
Table 7, 1x64d is the baseline of Sec. 5.3, and 2x64d and 4x64d lie between. Those are the final
paper's nets and the released code's; its first version had pre-activation units there.
Common elsewhere: torchvision ships 50 32x4d (25,028,904 parameters) and 101 64x4d (83,455,272),
timm 101 32x4d (44,177,704) too, and they are these nets. Their 101 32x8d (88,791,336 parameters)
and wider ones are in no table of this paper. Only the grouped form is found there.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import XIE2017
from convatlas.layers import (
    BottleneckUnit,
    ConcatPathsUnit,
    ShortcutOption,
    SumPathsUnit,
    he_normal,
    residual_stem,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNeXtSpec(Spec):
    """A column of Table 1 and a template of Table 2."""

    depths: tuple[int, ...] = (3, 4, 6, 3)  # units in conv2, conv3, ...
    cardinality: int = 32  # C, paths of a unit
    width: int = 4  # d, channels of a path in conv2; doubles per stage
    layers_per_unit: Literal[2, 3] = 3  # 1x1, 3x3, 1x1 (Fig. 3) or 3x3, 3x3 (Fig. 4)
    form: Literal["grouped", "concat", "sum"] = "grouped"  # Fig. 3c, 3b, 3a
    shortcut: ShortcutOption = "B"
    stem: Literal["7x7", "3x3"] = "7x7"  # 7x7 at stride 2 and a max pool, or 3x3 at stride 1


class ResNeXt(nn.Module):
    """Stem, stages of units, global average, linear classifier."""

    def __init__(self, spec: ResNeXtSpec) -> None:
        super().__init__()
        _check(spec)
        channels = scale_channels(64, spec.width_multiplier)
        self.stem = residual_stem(spec.stem, spec.in_channels, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, depth in enumerate(spec.depths):
            units: list[nn.Module] = []
            for unit in range(depth):
                stride = 2 if unit == 0 and stage > 0 else 1
                units.append(_unit(spec, channels, stage, stride))
                channels = scale_channels(256 * 2**stage, spec.width_multiplier)
            stages[f"conv{stage + 2}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check(spec: ResNeXtSpec) -> None:
    one_of("form", spec.form, ("grouped", "concat", "sum"))
    one_of("layers_per_unit", spec.layers_per_unit, (2, 3))
    _positive(cardinality=spec.cardinality, width=spec.width)


def _positive(**numbers: int) -> None:
    for name, value in numbers.items():
        if type(value) is not int or value < 1:
            raise UserError(f"{name}={value!r}; it must be a whole number from 1.")


def _unit(spec: ResNeXtSpec, in_channels: int, stage: int, stride: int) -> nn.Module:
    out_channels = scale_channels(256 * 2**stage, spec.width_multiplier)
    width = scale_channels(
        spec.cardinality * spec.width * 2**stage,
        spec.width_multiplier,
        divisor=lcm(8, spec.cardinality),
    )
    if spec.form == "grouped" and spec.layers_per_unit == 3:
        return BottleneckUnit(
            in_channels,
            width,
            out_channels,
            stride=stride,
            stride_in="3x3",
            shortcut=spec.shortcut,
            groups=spec.cardinality,
        )
    unit = SumPathsUnit if spec.form == "sum" else ConcatPathsUnit
    cardinality = 1 if spec.form == "grouped" else spec.cardinality  # Fig. 4 right
    return unit(
        in_channels,
        width // cardinality,
        out_channels,
        cardinality=cardinality,
        depth=spec.layers_per_unit,
        stride=stride,
        shortcut=spec.shortcut,
    )


_PATH = re.compile(r"(.+)\.paths\.(?:branches\.)?path(\d+)\.(.+)")
_ONE_PATH = "paths.branches.path0"
_NORM = re.compile(r"(stages\.\w+\.\d+)\.norm\.(.+)")


def in_form(grouped: Mapping[str, Tensor], spec: ResNeXtSpec) -> dict[str, Tensor]:
    """The state of the net `spec` that computes what the net with state `grouped` does.

    Args:
        grouped: state of the net of the same spec but for `form="grouped"`.

    Source: Fig. 3 and footnote 3: A1 B1 + A2 B2 = [A1, A2] [B1; B2].
    """
    if spec.form == "grouped":
        return dict(grouped)
    with torch.device("meta"):
        names = ResNeXt(spec).state_dict()
    return {name: _taken(name, grouped, spec) for name in names}


def _taken(name: str, grouped: Mapping[str, Tensor], spec: ResNeXtSpec) -> Tensor:
    if found := _PATH.fullmatch(name):
        unit, path, layer = found[1], int(found[2]), found[3]
        if layer == "restore.weight":
            return grouped[f"{unit}.restore.conv.weight"].chunk(spec.cardinality, dim=1)[path]
        whole = f"{unit}.{layer}" if spec.layers_per_unit == 3 else f"{unit}.{_ONE_PATH}.{layer}"
        tensor = grouped[whole]
        return tensor.chunk(spec.cardinality)[path] if tensor.dim() else tensor
    if found := _NORM.fullmatch(name):
        return grouped[f"{found[1]}.restore.norm.{found[2]}"]
    return grouped[name]


def width_for_cardinality(
    cardinality: int, *, in_channels: int = 256, width: int = 64, tolerance: float = 0.1
) -> int:
    """The d at which a unit of `cardinality` paths has about the weights of one path of `width`.

    Args:
        in_channels: of the unit, and what it restores.
        tolerance: how far the weights may be apart, as a share.

    Raises:
        UserError: if no d comes that near.

    Source: Sec. 3.4, Eq. 4; Table 2.
    """
    _positive(cardinality=cardinality, in_channels=in_channels, width=width)

    def weights(paths: int, d: int) -> int:
        return paths * (in_channels * d + 9 * d * d + d * in_channels)

    wanted = weights(1, width)
    best = min(range(1, width + 1), key=lambda d: abs(weights(cardinality, d) - wanted))
    found = weights(cardinality, best)
    if abs(found - wanted) > tolerance * wanted:
        raise UserError(
            f"cardinality={cardinality} has no width with about {wanted:,} weights, those of one "
            f"path of {width}: the nearest is {best}, with {found:,}. Use another cardinality."
        )
    return best


_TEMPLATES = ((2, 40), (4, 24), (8, 14), (32, 4))
_ROUGHLY = "one figure for a group of nets whose cost is only roughly preserved (Sec. 3.4)"
_GROUPS = (  # depth and template, mult-adds of Table 3's caption, params of Fig. 5's
    *(("50_2x40d", "4.1e9", "25e6", "", ""), ("50_4x24d", "4.1e9", "25e6", "", "")),
    ("50_8x14d", "4.1e9", "25e6", _ROUGHLY, ""),
    ("50_32x4d", "4.1e9", "25e6", _ROUGHLY, ""),
    *(("101_2x40d", "7.8e9", "44e6", "", ""), ("101_4x24d", "7.8e9", "44e6", "", "")),
    ("101_8x14d", "7.8e9", "44e6", _ROUGHLY, _ROUGHLY),
    ("101_32x4d", "7.8e9", "44e6", _ROUGHLY, ""),
)
_UNIT = "stages.conv2.1"  # the first of conv2 has a projection
_UNITS = (("2x40d", ""), ("4x24d", ""), ("8x14d", _ROUGHLY), ("32x4d", ""))
_D101 = (3, 4, 23, 3)


def _cifar(cardinality: int) -> ResNeXtSpec:
    return ResNeXtSpec(
        depths=(3, 3, 3),
        cardinality=cardinality,
        width=64,
        stem="3x3",
        input_side=32,
        num_classes=10,
    )


FAMILY = Family(
    name="resnext",
    title="ResNeXt",
    paper=XIE2017,
    build=ResNeXt,
    variants={
        **{f"resnext50_{c}x{d}d": ResNeXtSpec(cardinality=c, width=d) for c, d in _TEMPLATES},
        **{
            f"resnext101_{c}x{d}d": ResNeXtSpec(depths=_D101, cardinality=c, width=d)
            for c, d in (*_TEMPLATES, (1, 100), (2, 64), (64, 4))
        },
        "resnext50_32x4d_plain": ResNeXtSpec(shortcut="none"),
        **{f"resnext29_{c}x64d_cifar": _cifar(c) for c in (1, 2, 4, 8, 16)},
    },
    facts=(
        Fact("resnext50_32x4d", "params", "25.0e6", XIE2017, "Table 1"),
        Fact("resnext50_32x4d", "mult_adds", "4.2e9", XIE2017, "Table 1"),
        *(
            Fact(f"resnext50_{template}", "weights", "70e3", XIE2017, "Table 2", cause, _UNIT)
            for template, cause in _UNITS
        ),
        *(
            Fact(f"resnext50_{template}", "mult_adds", "0.22e9", XIE2017, "Table 2", part=_UNIT)
            for template, _ in _UNITS
        ),
        *(
            Fact(f"resnext{net}", "mult_adds", printed, XIE2017, "Table 3, caption", cause)
            for net, printed, _, cause, _ in _GROUPS
        ),
        *(
            Fact(f"resnext{net}", "params", printed, XIE2017, "Fig. 5, caption", cause)
            for net, _, printed, _, cause in _GROUPS
        ),
        *(
            Fact(f"resnext101_{template}", "mult_adds", "15e9", XIE2017, "Sec. 5.1, Table 4")
            for template in ("1x100d", "2x64d", "64x4d")
        ),
        Fact("resnext29_8x64d_cifar", "params", "34.4e6", XIE2017, "Table 7"),
        Fact("resnext29_16x64d_cifar", "params", "68.1e6", XIE2017, "Table 7"),
        Fact("resnext29_1x64d_cifar", "layers", "29", XIE2017, "Sec. 5.3"),
    ),
    widths=(0.25, 0.5, 1.0),
)
