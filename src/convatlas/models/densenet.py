"""Densely connected networks: every layer reads the maps of all layers before it in its block.

A layer adds only k maps (the growth rate) to what it received, so layers can be very narrow and
features are reused instead of learned again. B: a 1x1 bottleneck of 4k channels before the 3x3.
C: transitions between blocks keep a share theta of the channels.

Paper: Huang et al., CVPR 2017 (arXiv:1608.06993): ImageNet Table 1, CIFAR Sec. 3 and Table 2.
Departs from the paper: no dropout layers (used for data without augmentation: a recipe's matter).
The count of layers that gives 121, 169 and 201 gives 265 for `densenet264`, by Table 1's blocks.
`densenet161_k48` and the wide nets `densenet_bc_40_k36`, `_k48`, `_k60` are the authors' released
code's, not the paper's; `densenet232_k48` and `densenet264_k48` its later tables', the blocks of
232 read from its name and size. The "cosine" rows there are the same nets under another recipe.
Common elsewhere: plain CIFAR nets that start from 2k channels (the authors' released code) and
compress too (pytorchcv's `densenet40_k12`: 599,050 parameters; the paper's net has 1,019,722, and
1.0 M is printed).

`densenet_bc_22_small` and `densenet_bc_40_small` (k = 12) are no nets of the paper: the CIFAR shape
with fewer layers, for small devices.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import HUANG2017
from convatlas.layers import (
    ConvNorm,
    NormConv,
    he_normal,
    is_recomputable,
    recomputed_dense_block,
    recomputed_norm_conv,
    scale_channels,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseNetSpec(Spec):
    """A column of Table 1, or a configuration of Sec. 3."""

    depths: tuple[int, ...] = (6, 12, 24, 16)  # dense layers per block
    growth_rate: int = 32  # k
    bottleneck: bool = True  # B: a 1x1 of 4k channels before each 3x3
    compression: float = 0.5  # theta, the share of channels that a transition keeps
    stem_channels: int | None = None  # None: 2k
    stem: Literal["7x7", "3x3"] = "7x7"  # 7x7 at stride 2 and a max pool, or a bare 3x3
    memory_efficient: bool = False  # train in memory that grows with depth, not with its square


class DenseLayer(nn.Module):
    """What came in, and k new maps made from it: BN-ReLU-(1x1-BN-ReLU-)3x3."""

    def __init__(self, in_channels: int, growth_rate: int, *, bottleneck: bool) -> None:
        super().__init__()
        width = 4 * growth_rate
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if bottleneck:
            layers["bottleneck"] = NormConv(in_channels, width, 1)
        layers["grow"] = NormConv(width if bottleneck else in_channels, growth_rate, 3)
        self.layers = nn.Sequential(layers)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """`x` with k more channels."""
        return torch.cat([x, self.layers(x)], dim=1)

    def steps(self) -> list[tuple[nn.BatchNorm2d, nn.Conv2d]]:
        """Batch norms with the convolutions behind them."""
        return [(step.norm, step.conv) for step in cast(Iterable[NormConv], self.layers)]


class DenseBlock(nn.Sequential):
    """Dense layers one after the other.

    Memory-efficient training keeps each layer's maps once and makes normalised ones again for the
    gradient (after Pleiss et al., arXiv:1707.06990); the results are the same but for rounding. It
    needs batch norm in training mode: with frozen statistics a block trains plainly.
    """

    def __init__(self, *layers: DenseLayer, memory_efficient: bool) -> None:
        super().__init__(*layers)
        self.memory_efficient = memory_efficient

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """`x` and the maps of all layers."""
        if self.memory_efficient and self.training:
            layers = [layer.steps() for layer in cast(Iterable[DenseLayer], self)]
            if all(is_recomputable(*step) for steps in layers for step in steps):
                return recomputed_dense_block(x, layers)
        for layer in self:
            x = layer(x)
        return x


class Transition(nn.Sequential):
    """BN-ReLU-1x1, then the 2x2 average; memory-efficient training keeps the input alone."""

    compress: NormConv
    pool: nn.AvgPool2d

    def __init__(self, in_channels: int, out_channels: int, *, memory_efficient: bool) -> None:
        compress = NormConv(in_channels, out_channels, 1)
        super().__init__(OrderedDict(compress=compress, pool=nn.AvgPool2d(2)))
        self.memory_efficient = memory_efficient

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Fewer maps of half the side."""
        step = self.compress.norm, self.compress.conv
        if self.memory_efficient and self.training and is_recomputable(*step):
            return self.pool(recomputed_norm_conv(*step, x))
        return self.pool(self.compress(x))


class DenseNet(nn.Module):
    """Stem, dense blocks with transitions between them, global average, linear classifier."""

    def __init__(self, spec: DenseNetSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        growth_rate = scale_channels(spec.growth_rate, spec.width_multiplier, divisor=4)
        channels = 2 * growth_rate
        if spec.stem_channels is not None:
            channels = scale_channels(spec.stem_channels, spec.width_multiplier)
        self.stem = _stem(spec, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, depth in enumerate(spec.depths, start=1):
            if number > 1:
                kept = int(spec.compression * channels)
                stages[f"transition{number - 1}"] = Transition(
                    channels, kept, memory_efficient=spec.memory_efficient
                )
                channels = kept
            layers: list[DenseLayer] = []
            for _ in range(depth):
                layers.append(DenseLayer(channels, growth_rate, bottleneck=spec.bottleneck))
                channels += growth_rate
            stages[f"block{number}"] = DenseBlock(*layers, memory_efficient=spec.memory_efficient)
        self.stages = nn.Sequential(stages)
        self.pool = _pool(channels)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _require_buildable(spec: DenseNetSpec) -> None:
    """Transitions halve the side: each must find two pixels to average."""
    if spec.stem not in ("7x7", "3x3"):
        raise UserError(f"stem={spec.stem!r} is unknown. Use '7x7' or '3x3'.")
    if not 0 < spec.compression <= 1:
        raise UserError(f"compression={spec.compression} is not a share. Use 0.5, or 1 for none.")
    least = 2 ** (len(spec.depths) - 1)
    if spec.stem == "7x7":
        least = 4 * least - 3  # its two halvings round up
    if spec.input_side < least:
        raise UserError(
            f"input_side={spec.input_side} is too small for {len(spec.depths)} dense blocks "
            f"behind a {spec.stem} stem. Use {least} or more."
        )


def _stem(spec: DenseNetSpec, channels: int) -> nn.Module:
    if spec.stem == "3x3":
        return nn.Conv2d(spec.in_channels, channels, 3, padding=1, bias=False)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = ConvNorm(
        spec.in_channels, channels, 7, stride=2, activation=nn.ReLU(inplace=True)
    )
    layers["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(layers)


def _pool(channels: int) -> nn.Module:
    """BN-ReLU, then the global average."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["norm"] = nn.BatchNorm2d(channels)
    layers["relu"] = nn.ReLU(inplace=True)
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(layers)


def _plain(depth: int, growth_rate: int) -> DenseNetSpec:
    """Sec. 3: L layers in three blocks, 16 channels to start from, no B, no C."""
    return DenseNetSpec(
        depths=((depth - 4) // 3,) * 3,
        growth_rate=growth_rate,
        bottleneck=False,
        compression=1.0,
        stem_channels=16,
        stem="3x3",
        input_side=32,
        num_classes=10,
    )


def _bc(depth: int, growth_rate: int) -> DenseNetSpec:
    """Sec. 3: L layers, two per dense layer, in three blocks."""
    return DenseNetSpec(
        depths=((depth - 4) // 6,) * 3,
        growth_rate=growth_rate,
        stem="3x3",
        input_side=32,
        num_classes=10,
    )


HUANG2017_CODE = Paper(
    "Huang2017-code",
    "Densely Connected Convolutional Networks, the authors' code",
    "GitHub",
    "https://github.com/liuzhuang13/DenseNet",
)

FAMILY = Family(
    name="densenet",
    title="DenseNet",
    paper=HUANG2017,
    build=DenseNet,
    variants={
        "densenet121": DenseNetSpec(depths=(6, 12, 24, 16)),
        "densenet169": DenseNetSpec(depths=(6, 12, 32, 32)),
        "densenet201": DenseNetSpec(depths=(6, 12, 48, 32)),
        "densenet264": DenseNetSpec(depths=(6, 12, 64, 48)),
        "densenet161_k48": DenseNetSpec(depths=(6, 12, 36, 24), growth_rate=48),
        "densenet232_k48": DenseNetSpec(depths=(6, 12, 48, 48), growth_rate=48),
        "densenet264_k48": DenseNetSpec(depths=(6, 12, 64, 48), growth_rate=48),
        "densenet_40_k12": _plain(40, 12),
        "densenet_100_k12": _plain(100, 12),
        "densenet_100_k24": _plain(100, 24),
        "densenet_b_100_k12": replace(_bc(100, 12), compression=1.0),
        "densenet_c_100_k12": replace(_plain(100, 12), compression=0.5),
        "densenet_bc_100_k12": _bc(100, 12),
        "densenet_bc_250_k24": _bc(250, 24),
        "densenet_bc_190_k40": _bc(190, 40),
        "densenet_bc_40_k36": _bc(40, 36),
        "densenet_bc_40_k48": _bc(40, 48),
        "densenet_bc_40_k60": _bc(40, 60),
        "densenet_bc_22_small": _bc(22, 12),
        "densenet_bc_40_small": _bc(40, 12),
    },
    facts=(
        Fact("densenet201", "params", "20e6", HUANG2017, "Sec. 4.4"),
        Fact("densenet_40_k12", "params", "1.0e6", HUANG2017, "Table 2"),
        Fact("densenet_100_k12", "params", "7.0e6", HUANG2017, "Table 2"),
        Fact("densenet_100_k24", "params", "27.2e6", HUANG2017, "Table 2"),
        Fact("densenet_bc_100_k12", "params", "0.8e6", HUANG2017, "Table 2"),
        Fact("densenet_bc_250_k24", "params", "15.3e6", HUANG2017, "Table 2"),
        Fact("densenet_bc_190_k40", "params", "25.6e6", HUANG2017, "Table 2"),
        Fact("densenet_bc_40_k36", "params", "1.5e6", HUANG2017_CODE, "README, Wide-DenseNet"),
        Fact("densenet_bc_40_k48", "params", "2.7e6", HUANG2017_CODE, "README, Wide-DenseNet"),
        Fact("densenet_bc_40_k60", "params", "4.3e6", HUANG2017_CODE, "README, Wide-DenseNet"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=(
        "densenet121",
        "densenet169",
        "densenet_bc_100_k12",
        "densenet_bc_22_small",
        "densenet_bc_40_small",
    ),
)
