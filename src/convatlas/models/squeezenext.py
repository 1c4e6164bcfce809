"""SqueezeNext: two squeezes and a separated 3x3 in a residual block, shaped by a simulator.

A block reduces its channels twice by 1x1 convolutions, filters them with a 3x1 and a 1x3 whose
order alternates from block to block, and expands again. Variants v2 to v5 move blocks from the
early stages, which use a hardware array badly, to the third, and shrink the first filter to 5x5.

Paper: Gholami et al., CVPR Workshops 2018 (arXiv:1803.10615): block Fig. 1 and 2, nets Tables 1-3.
Departs from the paper: where the text leaves a detail open the authors' released files decide: the
stem keeps 64 and the last 1x1 convolution 128 channels at every width (the text widens from the
first convolution), every convolution is followed by batch norm and ReLU, the last of a block too,
weights start uniformly by their inputs, and the classifier has no bias. Blocks per stage of 34 and
44 layers, and of v2 and v3, are read from the names and printed sizes: no file of them was
released.
Common elsewhere: pytorchcv's `sqnxt23_w1` has 724,056 parameters (717,280 in the authors' file),
`sqnxt23_w2` 2,583,752 (2,361,728) and `sqnxt23v5_w2` 3,366,344 (3,222,912): a classifier bias, and
stem and last 1x1 convolution that follow the width.
"""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact, Paper
from convatlas.layers import ConvNorm, check_groups, scale_channels, uniform_by_inputs
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeNextSpec(Spec):
    """A file of the authors."""

    input_side: int = 227
    depths: tuple[int, int, int, int] = (6, 6, 8, 1)  # blocks per stage
    channels: tuple[int, int, int, int] = (32, 64, 128, 256)  # of the stages at width 1
    stem_channels: int = 64
    stem_kernel_size: int = 7
    stem_padding: int = 0
    last_channels: int = 128  # of the 1x1 convolution before the pool
    groups: int = 1  # of a block's first 1x1, its 3x1 and its 1x3
    project_first: bool = False  # a stage's first block reads the projected maps (v2 to v5)


class Block(nn.Module):
    """1x1 to a half, 1x1 to a quarter, 3x1 and 1x3 to a half, 1x1 to all; added to the input."""

    def __init__(
        self,
        spec: SqueezeNextSpec,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        tall_first: bool,
        projected: bool,
    ) -> None:
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        tall, wide = ((3, 1), (1, 3)) if tall_first else ((1, 3), (3, 1))
        reads = out_channels if projected and spec.project_first else in_channels
        steps = 1 if projected and spec.project_first else stride
        groups = spec.groups
        for channels in (reads, half, quarter):
            check_groups(groups, channels=channels)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["squeeze1"] = _conv(reads, half, 1, stride=steps, groups=groups)
        layers["squeeze2"] = _conv(half, quarter, 1)
        layers["spatial1"] = _conv(quarter, half, tall, groups=groups)
        layers["spatial2"] = _conv(half, half, wide, groups=groups)
        layers["expand"] = _conv(half, out_channels, 1)
        self.layers = nn.Sequential(layers)
        self.shortcut = _conv(in_channels, out_channels, 1, stride=stride) if projected else None
        self.project_first = spec.project_first
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The branch and the shortcut added, rectified."""
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return self.relu(shortcut + self.layers(shortcut if self.project_first else x))


class SqueezeNext(nn.Module):
    """Stem and pool, four stages of blocks, a last 1x1, global average, linear classifier."""

    def __init__(self, spec: SqueezeNextSpec) -> None:
        super().__init__()
        stem: OrderedDict[str, nn.Module] = OrderedDict()
        channels = spec.stem_channels
        stem["conv"] = ConvNorm(
            spec.in_channels,
            channels,
            spec.stem_kernel_size,
            stride=2,
            padding=spec.stem_padding,
            activation=nn.ReLU(inplace=True),
        )
        stem["pool"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.stem = nn.Sequential(stem)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        tall_first = True
        for stage, (depth, base) in enumerate(zip(spec.depths, spec.channels, strict=True)):
            width = scale_channels(base, spec.width_multiplier)
            blocks = []
            for block in range(depth):
                blocks.append(
                    Block(
                        spec,
                        channels,
                        width,
                        stride=2 if block == 0 and stage > 0 else 1,
                        tall_first=tall_first,
                        projected=block == 0,
                    )
                )
                channels, tall_first = width, not tall_first
            stages[f"stage{stage + 1}"] = nn.Sequential(*blocks)
        stages["last"] = _conv(channels, spec.last_channels, 1)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(spec.last_channels, spec.num_classes, bias=False)
        self.apply(uniform_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int | tuple[int, int],
    *,
    stride: int = 1,
    groups: int = 1,
) -> ConvNorm:
    return ConvNorm(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        groups=groups,
        activation=nn.ReLU(inplace=True),
    )


GHOLAMI2018 = Paper(
    "Gholami2018",
    "SqueezeNext: Hardware-Aware Neural Network Design",
    "CVPR Workshops 2018",
    "arXiv:1803.10615",
)
_DEPTHS = {"23": (6, 6, 8, 1), "34": (9, 9, 12, 2), "44": (12, 12, 16, 2)}
_VERSIONS = {"v2": (6, 6, 8, 1), "v3": (4, 8, 8, 1), "v4": (2, 10, 8, 1), "v5": (2, 4, 14, 1)}
_WIDTHS = {"": 1.0, "_w150": 1.5, "_w200": 2.0}
# Table 1: millions of parameters at widths 1, 1.5 and 2
_TABLE_1 = {"23": ("0.72", "1.4", "2.4"), "34": ("1.0", "2.1", "3.8"), "44": ("1.2", "2.6", "4.4")}
_INFERRED = (
    "no file of 34 layers was released: its blocks per stage are read from the name and fit the "
    "sizes printed at widths 1 and 1.5"
)


def _version(name: str, width: float) -> SqueezeNextSpec:
    return SqueezeNextSpec(
        depths=_VERSIONS[name],
        width_multiplier=width,
        stem_kernel_size=5,
        project_first=True,
    )


FAMILY = Family(
    name="squeezenext",
    title="SqueezeNext",
    paper=GHOLAMI2018,
    build=SqueezeNext,
    variants={
        **{
            f"squeezenext{layers}{label}": SqueezeNextSpec(depths=depths, width_multiplier=width)
            for layers, depths in _DEPTHS.items()
            for label, width in _WIDTHS.items()
        },
        "squeezenext23_grouped": SqueezeNextSpec(groups=2),
        **{
            f"squeezenext23{name}{label}": _version(name, width)
            for name in _VERSIONS
            for label, width in (("", 1.0), ("_w200", 2.0))
        },
    },
    facts=(
        *(
            Fact(
                f"squeezenext{layers}{label}",
                "params",
                f"{printed}e6",
                GHOLAMI2018,
                "Tables 1 and 2",
                _INFERRED if (layers, label) == ("34", "_w200") else "",
            )
            for layers, row in _TABLE_1.items()
            for label, printed in zip(_WIDTHS, row, strict=True)
        ),
        Fact("squeezenext23_grouped", "params", "0.54e6", GHOLAMI2018, "Table 1"),
        Fact("squeezenext23v5_w200", "params", "3.2e6", GHOLAMI2018, "Table 2"),
    ),
    widths=(0.5, 1.0, 2.0),
)
