"""SqueezeNet: squeeze the channels with 1x1 convolutions before the 3x3 ones see them.

Paper: Iandola et al., 2016 (arXiv:1602.07360): fire module Fig. 1, layers Table 1, metaparameters
Section 5.1, bypasses Fig. 2 and Table 3. Initialisation as in the authors' files.
Departs from the paper: the input side is 227, as in the authors' files; the printed 224 does not
give the printed map of 111. Pools round their side up, as the authors' framework does (it matters
for other sides only).
Common elsewhere: conv10 padded by 1 (maps of 15x15; +28.7M mult-adds) in the authors' released
v1.0: that is `squeezenet_1_0_caffe`, and the "1.72 GFLOPS" quoted for v1.0 are its mult-adds times
two. The paper's table prints maps of 13x13, which is `squeezenet_1_0`.

`squeezenet_1_1` is the authors' cheaper release: a 3x3 stem of 64, pools after fire3 and fire5.
`squeezenet_small` is for images of 8 to 64 pixels: the layers of v1.1 with its stem at stride 1,
batch norm after every convolution but the last, and no ReLU on the logits. The side is halved
until about 4 pixels are left, by the first of the three pools, then by the stem.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import IANDOLA2016, ZHANG2018
from convatlas.layers import halvings, he_normal, scale_channels, uniform_by_inputs
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeNetSpec(Spec):
    """Table 1 by the metaparameters of Section 5.1."""

    input_side: int = 227
    stem_channels: int = 96
    stem_kernel_size: int = 7
    base_expand: int = 128  # base_e: channels of the first fire module
    expand_step: int = 128  # incr_e: channels added ...
    frequency: int = 2  # freq: ... every so many modules
    share_3x3: float = 0.5  # pct_3x3: of the expand channels
    squeeze_ratio: float = 0.125  # SR: squeeze channels / expand channels
    pools: tuple[int, int] = (4, 8)  # fire modules that a pool follows
    bypass: Literal["none", "simple", "complex"] = "none"
    logits_padding: int = 0  # of conv10
    small: bool = False  # batch norm, down-sampling by the side, logits without ReLU


class Fire(nn.Module):
    """Fig. 1: squeeze by 1x1, then 1x1 and 3x3 convolutions side by side."""

    def __init__(
        self, in_channels: int, squeeze: int, expand1x1: int, expand3x3: int, *, norm: bool
    ) -> None:
        super().__init__()
        self.squeeze = _activated(nn.Conv2d(in_channels, squeeze, 1, bias=not norm), norm)
        self.expand1x1 = _activated(nn.Conv2d(squeeze, expand1x1, 1, bias=not norm), norm)
        self.expand3x3 = _activated(
            nn.Conv2d(squeeze, expand3x3, 3, padding=1, bias=not norm), norm
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The expanded channels, those of the 1x1 convolutions first."""
        squeezed = self.squeeze(x)
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1)


class Bypass(nn.Module):
    """A fire module plus a shortcut around it (Fig. 2)."""

    def __init__(self, fire: Fire, shortcut: nn.Module) -> None:
        super().__init__()
        self.fire = fire
        self.shortcut = shortcut

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The sum of both ways."""
        return self.fire(x) + self.shortcut(x)


class SqueezeNet(nn.Module):
    """conv1, fire2 to fire9 with pools between, conv10, global average."""

    def __init__(self, spec: SqueezeNetSpec) -> None:
        super().__init__()
        stem_stride, pools = _downsampling(spec)
        channels = scale_channels(spec.stem_channels, spec.width_multiplier)
        self.stem = _activated(
            nn.Conv2d(
                spec.in_channels,
                channels,
                spec.stem_kernel_size,
                stride=stem_stride,
                padding=spec.stem_kernel_size // 2 if spec.small else 0,
                bias=not spec.small,
            ),
            spec.small,
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        if 1 in pools:
            stages["pool1"] = _pool(spec)
        for number in range(2, 10):
            stages[f"fire{number}"], channels = _fire(spec, number, channels)
            if number in pools:
                stages[f"pool{number}"] = _pool(spec)
        self.stages = nn.Sequential(stages)
        conv10 = nn.Conv2d(channels, spec.num_classes, 1, padding=spec.logits_padding)
        head: OrderedDict[str, nn.Module] = OrderedDict(dropout=nn.Dropout(0.5), conv10=conv10)
        if not spec.small:
            head["relu"] = nn.ReLU(inplace=True)
        self.classifier = nn.Sequential(head)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.apply(he_normal if spec.small else uniform_by_inputs)
        nn.init.normal_(conv10.weight, std=0.01)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.pool(self.classifier(self.stages(self.stem(images)))).flatten(1)


def _downsampling(spec: SqueezeNetSpec) -> tuple[int, tuple[int, ...]]:
    """The stem's stride, and the numbers of the layers that a pool follows."""
    pools = (1, *spec.pools)
    if spec.small:
        times = halvings(spec.input_side)
        return 2 ** max(0, times - 3), pools[:times]
    if spec.input_side < 32:
        raise UserError(
            f"input_side={spec.input_side} is too small for this net: use 32 or more, "
            f"or squeezenet_small."
        )
    return 2, pools


def _pool(spec: SqueezeNetSpec) -> nn.MaxPool2d:
    if spec.small:
        return nn.MaxPool2d(3, stride=2, padding=1)
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _fire(spec: SqueezeNetSpec, number: int, in_channels: int) -> tuple[nn.Module, int]:
    """Module fire`number` and its output channels, by the formulas of Section 5.1."""
    expand = spec.base_expand + spec.expand_step * ((number - 2) // spec.frequency)
    expand3x3 = round(expand * spec.share_3x3)
    squeeze, wide1x1, wide3x3 = (
        scale_channels(c, spec.width_multiplier)
        for c in (round(expand * spec.squeeze_ratio), expand - expand3x3, expand3x3)
    )
    fire = Fire(in_channels, squeeze, wide1x1, wide3x3, norm=spec.small)
    channels = wide1x1 + wide3x3
    if spec.bypass != "none" and channels == in_channels:
        return Bypass(fire, nn.Identity()), channels
    if spec.bypass == "complex":
        return Bypass(fire, nn.Conv2d(in_channels, channels, 1)), channels
    return fire, channels


def _activated(conv: nn.Conv2d, norm: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    if norm:
        layers["norm"] = nn.BatchNorm2d(conv.out_channels)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


IANDOLA_CODE = Paper(
    "IandolaCode",
    "SqueezeNet v1.0 and v1.1, released files",
    "2016",
    "github.com/forresti/SqueezeNet",
)
_TABLE_1 = (
    ("", "1248424"),
    ("stem", "14208"),
    ("stages.fire2", "11920"),
    ("stages.fire3", "12432"),
    ("stages.fire4", "45344"),
    ("stages.fire5", "49440"),
    ("stages.fire6", "104880"),
    ("stages.fire7", "111024"),
    ("stages.fire8", "188992"),
    ("stages.fire9", "197184"),
    ("classifier", "513000"),
)
FAMILY = Family(
    name="squeezenet",
    title="SqueezeNet",
    paper=IANDOLA2016,
    build=SqueezeNet,
    variants={
        "squeezenet_1_0": SqueezeNetSpec(),
        "squeezenet_1_0_caffe": SqueezeNetSpec(logits_padding=1),
        "squeezenet_1_0_simple_bypass": SqueezeNetSpec(bypass="simple"),
        "squeezenet_1_0_complex_bypass": SqueezeNetSpec(bypass="complex"),
        "squeezenet_1_0_sr75": SqueezeNetSpec(squeeze_ratio=0.75),
        "squeezenet_1_1": SqueezeNetSpec(stem_channels=64, stem_kernel_size=3, pools=(3, 5)),
        "squeezenet_small": SqueezeNetSpec(
            input_side=32,
            num_classes=10,
            stem_channels=64,
            stem_kernel_size=3,
            pools=(3, 5),
            small=True,
        ),
    },
    facts=(
        *(
            Fact("squeezenet_1_0", "params", printed, IANDOLA2016, "Table 1", part=part)
            for part, printed in _TABLE_1
        ),
        Fact("squeezenet_1_0", "size_bytes", "4.8", IANDOLA2016, "Table 2", unit=2**20),
        Fact("squeezenet_1_0", "mult_adds", "833e6", ZHANG2018, "Table 6, SqueezeNet"),
        Fact(
            "squeezenet_1_0_caffe",
            "mult_adds",
            "1.72e9",
            IANDOLA_CODE,
            "README of SqueezeNet_v1.1",
            convention="doubled",
        ),
        Fact(
            "squeezenet_1_1",
            "mult_adds",
            "0.72e9",
            IANDOLA_CODE,
            "README of SqueezeNet_v1.1",
            because="it lies between the counts for sides 224 and 227",
            convention="doubled",
        ),
        Fact(
            "squeezenet_1_0_simple_bypass",
            "size_bytes",
            "4.8",
            IANDOLA2016,
            "Table 3",
            unit=2**20,
        ),
        Fact(
            "squeezenet_1_0_complex_bypass",
            "size_bytes",
            "7.7e6",
            IANDOLA2016,
            "Table 3",
            because="convolutions around fire2, 4, 6, 8 as in Fig. 2 give 6.36 MB; 7.7 MB result "
            "if their weights are counted twice",
        ),
        Fact("squeezenet_1_0_sr75", "size_bytes", "19e6", IANDOLA2016, "Section 5.2 and Fig. 3a"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=(
        "squeezenet_1_0",
        "squeezenet_1_0_simple_bypass",
        "squeezenet_1_1",
        "squeezenet_small",
    ),
)
