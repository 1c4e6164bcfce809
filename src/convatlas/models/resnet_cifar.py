"""Residual networks for CIFAR-10: thin, and up to 1202 layers deep.

A 3x3 convolution, then three stages of n units with 16, 32 and 64 channels at sides 32, 16 and 8:
6n + 2 layers. Every shortcut is parameter-free (option A), so that a residual net and its plain
counterpart have exactly the same parameters.

Paper: He et al., CVPR 2016 (arXiv:1512.03385): Sec. 4.2, Table 6.
Departs from the paper: nothing.
Common elsewhere: projections (option B: pytorchcv, 272,474 parameters for 20 layers where the
paper's net has 269,722), or the ImageNet net of 18 layers behind a small stem. Stochastic depth
elsewhere ("drop path") divides by the probability in training instead of scaling in evaluation,
draws per image (timm), and computes the branches that it drops.

The nets with `_stochastic_depth` are those of Huang et al. (ECCV 2016): once per mini-batch a
unit's branch is left out, with a probability that grows linearly with depth from 0 at the input to
1 - p_L = 0.5 (`survival`, `survival_rule`; the uniform rule drops every unit alike), and in
evaluation it is scaled by the probability of being there. A dropped branch is not computed. Where
the shape changes, that paper averages 2 x 2 pixels and pads with zeros instead of taking every
second pixel (option A): these nets do as it says, and `shortcut="A"` gives the other. The nets
with `_constant_depth` are their twins that drop nothing; 152 layers are for SVHN. The released code
gives the convolutions biases, which the batch norm behind them takes out again.
`plain1202_cifar` completes the plain nets and is in no paper.

`resnet8_small` and `resnet14_small` (n = 1 and 2) are no nets of the paper: the same shape for
small devices.
"""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact
from convatlas.facts.papers import HE2016, HUANG2016
from convatlas.layers import (
    BasicUnit,
    ConvNorm,
    ShortcutOption,
    SurvivalRule,
    he_normal,
    scale_channels,
    survival_probabilities,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetCifarSpec(Spec):
    """The table of Sec. 4.2."""

    input_side: int = 32
    num_classes: int = 10
    units_per_stage: int = 3  # n
    widths: tuple[int, ...] = (16, 32, 64)  # filters per stage
    shortcut: ShortcutOption = "A"
    survival: float | None = None  # p_L of stochastic depth; None: no unit is ever dropped
    survival_rule: SurvivalRule = "linear"  # how the probabilities fall to p_L


class ResNetCifar(nn.Module):
    """3x3 convolution, three stages of n units, global average, linear classifier."""

    def __init__(self, spec: ResNetCifarSpec) -> None:
        super().__init__()
        channels = scale_channels(spec.widths[0], spec.width_multiplier)
        self.stem = ConvNorm(spec.in_channels, channels, 3, activation=nn.ReLU(inplace=True))
        num_units = spec.units_per_stage * len(spec.widths)
        survivals = survival_probabilities(spec.survival, spec.survival_rule, num_units)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, width in enumerate(spec.widths):
            width = scale_channels(width, spec.width_multiplier)
            units: list[nn.Module] = []
            for unit in range(spec.units_per_stage):
                stride = 2 if unit == 0 and stage > 0 else 1
                units.append(
                    BasicUnit(
                        channels,
                        width,
                        stride=stride,
                        shortcut=spec.shortcut,
                        survival=survivals[stage * spec.units_per_stage + unit],
                    )
                )
                channels = width
            stages[f"stage{stage + 1}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _stochastic(
    units_per_stage: int, survival: float | None = 0.5, rule: SurvivalRule = "linear"
) -> ResNetCifarSpec:
    """As Huang et al. build it; None for the twin that drops nothing."""
    return ResNetCifarSpec(
        units_per_stage=units_per_stage, shortcut="average", survival=survival, survival_rule=rule
    )


FAMILY = Family(
    name="resnet_cifar",
    title="ResNet and plain nets for CIFAR",
    paper=HE2016,
    build=ResNetCifar,
    variants={
        "resnet8_small": ResNetCifarSpec(units_per_stage=1),
        "resnet14_small": ResNetCifarSpec(units_per_stage=2),
        "resnet20_cifar": ResNetCifarSpec(units_per_stage=3),
        "resnet32_cifar": ResNetCifarSpec(units_per_stage=5),
        "resnet44_cifar": ResNetCifarSpec(units_per_stage=7),
        "resnet56_cifar": ResNetCifarSpec(units_per_stage=9),
        "resnet110_cifar": ResNetCifarSpec(units_per_stage=18),
        "resnet1202_cifar": ResNetCifarSpec(units_per_stage=200),
        "plain20_cifar": ResNetCifarSpec(units_per_stage=3, shortcut="none"),
        "plain32_cifar": ResNetCifarSpec(units_per_stage=5, shortcut="none"),
        "plain44_cifar": ResNetCifarSpec(units_per_stage=7, shortcut="none"),
        "plain56_cifar": ResNetCifarSpec(units_per_stage=9, shortcut="none"),
        "plain110_cifar": ResNetCifarSpec(units_per_stage=18, shortcut="none"),
        "plain1202_cifar": ResNetCifarSpec(units_per_stage=200, shortcut="none"),
        "resnet110_cifar_stochastic_depth": _stochastic(18),
        "resnet110_cifar_stochastic_depth_uniform": _stochastic(18, rule="uniform"),
        "resnet110_cifar_constant_depth": _stochastic(18, survival=None),
        "resnet152_cifar_stochastic_depth": _stochastic(25),
        "resnet152_cifar_constant_depth": _stochastic(25, survival=None),
        "resnet1202_cifar_stochastic_depth": _stochastic(200),
    },
    facts=(
        Fact("resnet20_cifar", "params", "0.27e6", HE2016, "Table 6"),
        Fact("resnet32_cifar", "params", "0.46e6", HE2016, "Table 6"),
        Fact("resnet44_cifar", "params", "0.66e6", HE2016, "Table 6"),
        Fact("resnet56_cifar", "params", "0.85e6", HE2016, "Table 6"),
        Fact("resnet110_cifar", "params", "1.7e6", HE2016, "Table 6"),
        Fact("resnet1202_cifar", "params", "19.4e6", HE2016, "Table 6, Sec. 4.2"),
        Fact("resnet110_cifar_stochastic_depth", "layers", "110", HUANG2016, "Sec. 3"),
        Fact("resnet152_cifar_stochastic_depth", "layers", "152", HUANG2016, "Sec. 4, SVHN"),
        Fact("resnet1202_cifar_stochastic_depth", "layers", "1202", HUANG2016, "Sec. 4"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=(
        "resnet8_small",
        "resnet14_small",
        "resnet20_cifar",
        "resnet32_cifar",
        "resnet44_cifar",
        "resnet56_cifar",
    ),
)
