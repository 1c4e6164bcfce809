"""Residual networks for CIFAR-10: thin, and up to 1202 layers deep.

A 3x3 convolution, then three stages of n units with 16, 32 and 64 channels at sides 32, 16 and 8:
6n + 2 layers. Every shortcut is parameter-free (option A), so that a residual net and its plain
counterpart have exactly the same parameters.

Paper: He et al., CVPR 2016 (arXiv:1512.03385): Sec. 4.2, Table 6.
Departs from the paper: nothing.
Common elsewhere: projections (option B: pytorchcv, 272,474 parameters for 20 layers where the
paper's net has 269,722), or the ImageNet net of 18 layers behind a small stem.

`resnet8_small` and `resnet14_small` (n = 1 and 2) are no nets of the paper: the same shape for
small devices.
"""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact
from convatlas.layers import BasicUnit, ConvNorm, ShortcutOption, he_normal, scale_channels
from convatlas.models._family import Family, Spec
from convatlas.models.resnet import HE2016


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetCifarSpec(Spec):
    """The table of Sec. 4.2."""

    input_side: int = 32
    num_classes: int = 10
    units_per_stage: int = 3  # n
    widths: tuple[int, ...] = (16, 32, 64)  # filters per stage
    shortcut: ShortcutOption = "A"


class ResNetCifar(nn.Module):
    """3x3 convolution, three stages of n units, global average, linear classifier."""

    def __init__(self, spec: ResNetCifarSpec) -> None:
        super().__init__()
        channels = scale_channels(spec.widths[0], spec.width_multiplier)
        self.stem = ConvNorm(spec.in_channels, channels, 3, activation=nn.ReLU(inplace=True))
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, width in enumerate(spec.widths):
            width = scale_channels(width, spec.width_multiplier)
            units: list[nn.Module] = []
            for unit in range(spec.units_per_stage):
                stride = 2 if unit == 0 and stage > 0 else 1
                units.append(BasicUnit(channels, width, stride=stride, shortcut=spec.shortcut))
                channels = width
            stages[f"stage{stage + 1}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


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
    },
    facts=(
        Fact("resnet20_cifar", "params", "0.27e6", HE2016, "Table 6"),
        Fact("resnet32_cifar", "params", "0.46e6", HE2016, "Table 6"),
        Fact("resnet44_cifar", "params", "0.66e6", HE2016, "Table 6"),
        Fact("resnet56_cifar", "params", "0.85e6", HE2016, "Table 6"),
        Fact("resnet110_cifar", "params", "1.7e6", HE2016, "Table 6"),
        Fact("resnet1202_cifar", "params", "19.4e6", HE2016, "Table 6, Sec. 4.2"),
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
