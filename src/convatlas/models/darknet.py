"""DarkNets: 3x3 convolutions that double the channels, 1x1 convolutions that halve them.

The backbones of the YOLO detectors. Every convolution but the last has batch norm and a leaky ReLU
of slope 0.1; the reference net, the tiny one and DarkNet-19 halve the side by pools, DarkNet-53
by strides, and it adds a shortcut around every pair of 1x1 and 3x3.

Paper: Redmon and Farhadi, CVPR 2017 (YOLO9000, arXiv:1612.08242): DarkNet-19 Table 6. Redmon and
Farhadi, 2018 (YOLOv3, arXiv:1804.02767): DarkNet-53 Table 1. The reference and tiny nets are those
of the authors' files, which agree with both tables; initialisation as in their code.
Departs from the paper: nothing. `darknet_reference` is the authors' last file, for 256 pixels;
`darknet_reference_224` is the earlier one, which pads its last pool and averages 1000 leaky maps
instead of classifying the average. Operations are printed as multiplications and additions, twice
the mult-adds.
Common elsewhere: pytorchcv's `darknet_ref` is the earlier form without the padding, so that its
last map has 3x3 pixels instead of 4x4. timm's `darknet53` has a slope of 0.01: the same 41,609,928
parameters, but another net, here `darknet53_timm`.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import ConvNorm, he_normal_by_inputs, scale_channels
from convatlas.models._family import Family, Spec, one_of

Layer = tuple[int, int]  # channels and kernel size


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkNetSpec(Spec):
    """A cfg file: the convolutions between the places where the side is halved."""

    input_side: int = 256
    stages: tuple[tuple[Layer, ...], ...]
    units: tuple[int, ...] = ()  # residual units after each stage's convolutions
    downsampling: Literal["pool", "stride"] = "pool"  # before every stage but the first
    last_pool_padding: int = 0
    classified: Literal["maps", "average"] = "average"  # what the last layer reads
    leaky_logits: bool = False
    slope: float = 0.1  # of the leaky ReLUs below zero


class DarkUnit(nn.Module):
    """YOLOv3, Table 1: 1x1 to half the channels, 3x3 back, added to the input as it is."""

    def __init__(self, channels: int, hidden: int, slope: float) -> None:
        super().__init__()
        self.reduce = _conv(channels, hidden, 1, slope)
        self.spatial = _conv(hidden, channels, 3, slope)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The sum of both ways; nothing follows it."""
        return x + self.spatial(self.reduce(x))


class DarkNet(nn.Module):
    """A stem, stages that each halve the side first, and one layer for the logits."""

    def __init__(self, spec: DarkNetSpec) -> None:
        super().__init__()
        _check(spec)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels = spec.in_channels
        for number in range(1, len(spec.stages) + 1):
            stages[f"stage{number}"], channels = _stage(spec, number, channels)
        self.stem = stages.pop("stage1")
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1) if spec.classified == "average" else nn.Identity()
        self.classifier = _classifier(spec, channels)
        self.apply(he_normal_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))))


def _check(spec: DarkNetSpec) -> None:
    one_of("downsampling", spec.downsampling, ("pool", "stride"))
    one_of("classified", spec.classified, ("maps", "average"))
    if spec.units and len(spec.units) != len(spec.stages):
        raise UserError(
            f"units={spec.units} does not fit {len(spec.stages)} stages: use one count for each."
        )
    least = 2 ** (len(spec.stages) - 1)
    if spec.input_side < least:
        raise UserError(
            f"input_side={spec.input_side} is too small for {len(spec.stages) - 1} halvings: "
            f"use {least} or more."
        )


def _stage(spec: DarkNetSpec, number: int, channels: int) -> tuple[nn.Sequential, int]:
    """Stage `number` and its channels."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if number > 1 and spec.downsampling == "pool":
        padding = spec.last_pool_padding if number == len(spec.stages) else 0
        layers["pool"] = nn.MaxPool2d(2, stride=2, padding=padding)
    for place, (width, kernel_size) in enumerate(spec.stages[number - 1], start=1):
        strided = place == 1 and number > 1 and spec.downsampling == "stride"
        width = scale_channels(width, spec.width_multiplier)
        layers[f"conv{place}"] = _conv(
            channels, width, kernel_size, spec.slope, stride=2 if strided else 1
        )
        channels = width
    for unit in range(1, (spec.units[number - 1] if spec.units else 0) + 1):
        hidden = scale_channels(spec.stages[number - 1][-1][0] // 2, spec.width_multiplier)
        layers[f"unit{unit}"] = DarkUnit(channels, hidden, spec.slope)
    return nn.Sequential(layers), channels


def _classifier(spec: DarkNetSpec, channels: int) -> nn.Sequential:
    """A linear layer for the average, or a 1x1 convolution whose maps are averaged."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if spec.classified == "average":
        layers["flatten"] = nn.Flatten()
        layers["logits"] = nn.Linear(channels, spec.num_classes)
    else:
        layers["logits"] = nn.Conv2d(channels, spec.num_classes, 1)
    if spec.leaky_logits:
        layers["activation"] = nn.LeakyReLU(spec.slope, inplace=True)
    if spec.classified == "maps":
        layers["average"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)


def _conv(
    in_channels: int, out_channels: int, kernel_size: int, slope: float, *, stride: int = 1
) -> ConvNorm:
    leaky = nn.LeakyReLU(slope, inplace=True)
    return ConvNorm(in_channels, out_channels, kernel_size, stride=stride, activation=leaky)


def _alternating(channels: int, count: int) -> tuple[Layer, ...]:
    """3x3 with all channels and 1x1 with half of them by turns."""
    return tuple((channels, 3) if i % 2 == 0 else (channels // 2, 1) for i in range(count))


def _squeezed(squeeze: int, channels: int) -> tuple[Layer, ...]:
    return ((squeeze, 1), (channels, 3)) * 2


_REFERENCE = tuple(((channels, 3),) for channels in (16, 32, 64, 128, 256, 512, 1024))
_53 = tuple(((channels, 3),) for channels in (32, 64, 128, 256, 512, 1024))

REDMON2017 = Paper(
    "Redmon2017", "YOLO9000: Better, faster, stronger", "CVPR 2017", "arXiv:1612.08242"
)
REDMON2018 = Paper(
    "Redmon2018", "YOLOv3: An incremental improvement", "arXiv 2018", "arXiv:1804.02767"
)
REDMON_CODE = Paper(
    "RedmonCode",
    "Darknet: open source neural networks in C, released nets",
    "2013-2018",
    "github.com/pjreddie/darknet, pjreddie.com/darknet/imagenet",
)
_PAGE = "page of the ImageNet nets, Pre-Trained Models"
_TINY_PAGE = "page of Tiny Darknet"
_OPERATIONS = (
    ("darknet_reference", 256, "0.96e9", _PAGE),
    ("darknet_reference_224", 224, "0.81e9", _TINY_PAGE),
    ("darknet_tiny", 224, "0.98e9", _TINY_PAGE),
    ("darknet19", 256, "7.29e9", _PAGE),
    ("darknet19", 448, "22.33e9", _PAGE),
    ("darknet53", 256, "18.57e9", _PAGE),
    ("darknet53", 448, "56.87e9", _PAGE),
)
_SIZES = (
    ("darknet_reference", "28", _PAGE),
    ("darknet_tiny", "4.0", _TINY_PAGE),
    ("darknet19", "80", _PAGE),
    ("darknet53", "159", _PAGE),
)
FAMILY = Family(
    name="darknet",
    title="DarkNet",
    paper=REDMON2018,
    build=DarkNet,
    variants={
        "darknet_reference": DarkNetSpec(stages=_REFERENCE),
        "darknet_reference_224": DarkNetSpec(
            input_side=224,
            stages=_REFERENCE,
            last_pool_padding=1,
            classified="maps",
            leaky_logits=True,
        ),
        "darknet_tiny": DarkNetSpec(
            input_side=224,
            stages=(
                ((16, 3),),
                ((32, 3),),
                _squeezed(16, 128),
                _squeezed(32, 256),
                (*_squeezed(64, 512), (128, 1)),
            ),
            classified="maps",
        ),
        "darknet19": DarkNetSpec(
            input_side=224,
            stages=(
                ((32, 3),),
                ((64, 3),),
                _alternating(128, 3),
                _alternating(256, 3),
                _alternating(512, 5),
                _alternating(1024, 5),
            ),
            classified="maps",
        ),
        "darknet53": DarkNetSpec(stages=_53, units=(0, 1, 2, 8, 8, 4), downsampling="stride"),
        "darknet53_timm": DarkNetSpec(
            stages=_53, units=(0, 1, 2, 8, 8, 4), downsampling="stride", slope=0.01
        ),
    },
    facts=(
        Fact("darknet19", "layers", "19", REDMON2017, "Section 3, Darknet-19"),
        Fact("darknet53", "layers", "53", REDMON2018, "Section 2.4"),
        Fact(
            "darknet19",
            "mult_adds",
            "5.58e9",
            REDMON2017,
            "Section 3, Darknet-19",
            convention="doubled",
        ),
        Fact(
            "darknet19",
            "mult_adds",
            "7.29e9",
            REDMON2018,
            "Table 2",
            input_side=256,
            convention="doubled",
        ),
        Fact(
            "darknet53",
            "mult_adds",
            "18.7e9",
            REDMON2018,
            "Table 2",
            because="of a net whose last layer reads the 8x8 maps, as DarkNet-19's does, where "
            "Table 1 and the authors' file have it read the average",
            convention="doubled",
        ),
        *(
            Fact(
                variant,
                "mult_adds",
                printed,
                REDMON_CODE,
                place,
                input_side=side,
                convention="doubled",
            )
            for variant, side, printed, place in _OPERATIONS
        ),
        *(
            Fact(variant, "size_bytes", printed, REDMON_CODE, place, unit=2**20)
            for variant, printed, place in _SIZES
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
