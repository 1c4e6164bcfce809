"""Residual networks whose shortcuts are no identity: scaled, gated, convolved or dropped out.

Whatever multiplies the shortcut multiplies once per unit, so that after 54 units little of the
signal is left or it has to be learned again. Each of these nets trains to a higher error than the
110 layers with plain shortcuts, though some of them could represent those exactly.

Paper: He et al., ECCV 2016 (arXiv:1603.05027): Fig. 2 and Table 1, all with the unit and the shape
of 110 layers for CIFAR-10 (CVPR 2016, Sec. 4.2).
Departs from the paper: nothing. Where the shape changes, which it does not say, the factor, the
gate or the dropout works on the shortcut that pads with zeros, and a gate's 1x1 convolution has the
stride. Gates have a bias and no batch norm. Table 1's rows with other initial biases are the same
nets with another `gate_bias`, its row with a shortcut scaled by 0 is `plain110_cifar`, and its
first row `resnet110_cifar`.
Common elsewhere: no library offers these nets.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import HE2016B
from convatlas.layers import (
    BasicUnit,
    Gate,
    Scale,
    gate_bias,
    he_normal,
    residual_stem,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of

Shortcut = Literal["identity", "conv", "dropout", "exclusive gate", "shortcut-only gate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetShortcutsSpec(Spec):
    """A row of Table 1."""

    input_side: int = 32
    num_classes: int = 10
    units_per_stage: int = 18
    widths: tuple[int, ...] = (16, 32, 64)  # filters per stage
    shortcut: Shortcut = "identity"
    shortcut_scale: float = 1.0  # lambda: every shortcut's factor
    branch_scale: float = 1.0  # every branch's factor
    dropout: float = 0.5  # share of the shortcut's elements that dropout sets to zero
    gate_bias: float = -6.0  # b_g at the start of training


class ScaledUnit(BasicUnit):
    """ReLU(F(x) times a constant + shortcut), Fig. 2 (b), (e) and (f)."""

    shortcut: nn.Module

    def __init__(
        self, spec: ResNetShortcutsSpec, in_channels: int, out_channels: int, stride: int
    ) -> None:
        option: Literal["A", "C"] = "C" if spec.shortcut == "conv" else "A"
        super().__init__(in_channels, out_channels, stride=stride, shortcut=option)
        self.on_branch = Scale(spec.branch_scale) if spec.branch_scale != 1 else nn.Identity()
        self.on_shortcut = _on_shortcut(spec)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The weighted sum of both paths, rectified."""
        return self.relu(self.on_branch(self.branch(x)) + self.on_shortcut(self.shortcut(x)))


class GatedUnit(BasicUnit):
    """ReLU(F(x) g + shortcut (1 - g)) or ReLU(F(x) + shortcut (1 - g)), Fig. 2 (c) and (d)."""

    shortcut: nn.Module

    def __init__(
        self, spec: ResNetShortcutsSpec, in_channels: int, out_channels: int, stride: int
    ) -> None:
        super().__init__(in_channels, out_channels, stride=stride, shortcut="A")
        self.gate = Gate(nn.Conv2d(in_channels, out_channels, 1, stride=stride))
        self.exclusive = spec.shortcut == "exclusive gate"

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The gated sum of both paths, rectified."""
        f, s, g = self.branch(x), self.shortcut(x), self.gate(x)
        if self.exclusive:
            return self.relu(s + (f - s) * g)
        return self.relu(f + (s - s * g))


class ResNetShortcuts(nn.Module):
    """3x3 convolution, three stages of n units, global average, linear classifier."""

    def __init__(self, spec: ResNetShortcutsSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        unit_kind = GatedUnit if spec.shortcut.endswith("gate") else ScaledUnit
        channels = scale_channels(spec.widths[0], spec.width_multiplier)
        self.stem = residual_stem("3x3", spec.in_channels, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, width in enumerate(spec.widths, start=1):
            width = scale_channels(width, spec.width_multiplier)
            units: list[nn.Module] = []
            for index in range(spec.units_per_stage):
                stride = 2 if index == 0 and stage > 1 else 1
                units.append(unit_kind(spec, channels, width, stride))
                channels = width
            stages[f"stage{stage}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)
        self.apply(gate_bias(spec.gate_bias))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _require_buildable(spec: ResNetShortcutsSpec) -> None:
    one_of("shortcut", spec.shortcut, get_args(Shortcut))
    if not 0 <= spec.dropout < 1:
        raise UserError(f"dropout={spec.dropout!r}; it must be 0 or more, and below 1.")
    scaled = spec.shortcut_scale != 1 or spec.branch_scale != 1
    if scaled and spec.shortcut.endswith("gate"):
        raise UserError(
            f"shortcut_scale={spec.shortcut_scale} and branch_scale={spec.branch_scale} are "
            f"constants beside shortcut={spec.shortcut!r}, which weights both paths itself. Use 1."
        )


def _on_shortcut(spec: ResNetShortcutsSpec) -> nn.Module:
    if spec.shortcut == "dropout":
        return nn.Dropout(spec.dropout)
    return Scale(spec.shortcut_scale) if spec.shortcut_scale != 1 else nn.Identity()


FAMILY = Family(
    name="resnet_shortcuts",
    title="ResNet with other shortcuts",
    paper=HE2016B,
    build=ResNetShortcuts,
    variants={
        "resnet110_shortcut_scaled_cifar": ResNetShortcutsSpec(shortcut_scale=0.5),
        "resnet110_frozen_gates_cifar": ResNetShortcutsSpec(shortcut_scale=0.5, branch_scale=0.5),
        "resnet110_exclusive_gates_cifar": ResNetShortcutsSpec(shortcut="exclusive gate"),
        "resnet110_shortcut_gated_cifar": ResNetShortcutsSpec(shortcut="shortcut-only gate"),
        "resnet110_shortcut_conv_cifar": ResNetShortcutsSpec(shortcut="conv"),
        "resnet110_shortcut_dropout_cifar": ResNetShortcutsSpec(shortcut="dropout"),
    },
    facts=tuple(
        Fact(f"resnet110_{name}_cifar", "layers", "110", HE2016B, "Sec. 3.1, Table 1")
        for name in (
            "shortcut_scaled",
            "frozen_gates",
            "exclusive_gates",
            "shortcut_gated",
            "shortcut_conv",
            "shortcut_dropout",
        )
    ),
    widths=(0.25, 0.5, 1.0),
)
