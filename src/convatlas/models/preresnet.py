"""Pre-activation residual networks, and the other places where batch norm and ReLU may stand.

With nothing but an addition between one unit and the next, a unit's output is the sum of all
corrections before it and gradients reach every unit unhindered. So batch norm and ReLU move in
front of the convolutions: nets of 1001 layers train, and better than with the ReLU behind the
addition.

Paper: He et al., ECCV 2016 (arXiv:1603.05027): orders Fig. 4 and Table 2, CIFAR nets Tables 3 and
4, ImageNet nets Table 5, first and last unit and bottlenecks in the Appendix.
Departs from the paper: nothing. The first activation stands right behind the first convolution,
before the first unit splits. The basic nets of 110 layers pad with zeros where the shape changes,
the bottleneck nets project. In a net with batch norm behind its convolutions the projections have
one too, which the paper does not say. `preresnet50`, `preresnet101` and the nets with the stride in
the 3x3 (`_v15`: how the authors of the released 200 layers built theirs) are not in its tables.
Common elsewhere: projections in the basic nets (pytorchcv's 110 layers have 1,730,522 parameters;
here 1,727,962, as in any other order), a second batch norm and ReLU behind the max pool
(pytorchcv's `preresnet50`, 25,549,480 parameters where this net has 25,549,352), and the first
batch norm and ReLU behind the max pool instead of before it: timm's net, here `resnetv2_50` and
its kin.
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
    Order,
    OrderedUnit,
    StrideIn,
    UnitKind,
    he_normal,
    residual_stem,
    scale_channels,
    unit_convs,
)
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PreResNetSpec(Spec):
    """Table 1 of He et al. (CVPR 2016) or its Sec. 4.2, with the activations in some order."""

    depths: tuple[int, ...] = (3, 4, 6, 3)  # units per stage
    widths: tuple[int, ...] = (64, 128, 256, 512)  # filters of each stage's 3x3
    unit: UnitKind = "bottleneck"  # of one, two or three layers
    order: Order = "full_preactivation"
    shortcut: Literal["A", "B"] = "B"  # zeros or a projection where the shape changes
    stride_in: StrideIn = "1x1"  # which convolution of a bottleneck halves the resolution
    stem: Literal["7x7", "7x7 bare", "3x3"] = "7x7"  # bare: batch norm and ReLU behind the max pool


class PreResNet(nn.Module):
    """Stem, stages of units, the last activation, global average, linear classifier."""

    def __init__(self, spec: PreResNetSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        channels = scale_channels(spec.widths[0], spec.width_multiplier)
        self.stem = _stem(spec, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, (depth, width) in enumerate(zip(spec.depths, spec.widths, strict=True), 1):
            width = scale_channels(width, spec.width_multiplier)
            units: list[nn.Module] = []
            for index in range(depth):
                stride = 2 if index == 0 and stage > 1 else 1
                unit = OrderedUnit(
                    channels,
                    unit_convs(spec.unit, width, stride=stride, stride_in=spec.stride_in),
                    order=spec.order,
                    shortcut=spec.shortcut,
                    activated=index == 0 and stage == 1 and spec.stem != "7x7 bare",
                )
                channels = unit.out_channels
                units.append(unit)
            stages[f"stage{stage}"] = nn.Sequential(*units)
        self.stages = nn.Sequential(stages)
        self.pool = _pool(spec.order, channels)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _require_buildable(spec: PreResNetSpec) -> None:
    one_of("order", spec.order, get_args(Order))
    one_of("shortcut", spec.shortcut, ("A", "B"))
    one_of("stem", spec.stem, ("7x7", "7x7 bare", "3x3"))
    if len(spec.depths) != len(spec.widths):
        raise UserError(
            f"depths={spec.depths} and widths={spec.widths} differ in length. Use one of each "
            "per stage."
        )
    if spec.stem == "7x7 bare" and spec.order != "full_preactivation":
        raise UserError(
            f"stem='7x7 bare' leaves the first activation to the first unit, which "
            f"order={spec.order!r} does not have there. Use 'full_preactivation'."
        )


def _stem(spec: PreResNetSpec, channels: int) -> nn.Module:
    if spec.stem != "7x7 bare":
        return residual_stem(spec.stem, spec.in_channels, channels)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Conv2d(spec.in_channels, channels, 7, stride=2, padding=3, bias=False)
    layers["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(layers)


def _pool(order: Order, channels: int) -> nn.Module:
    """The activation that pre-activation leaves for the end, and the global average."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if order == "full_preactivation":
        layers["norm"] = nn.BatchNorm2d(channels)
    if order in ("full_preactivation", "relu_preactivation"):
        layers["relu"] = nn.ReLU(inplace=True)
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(layers)


def _cifar(
    layers: int, unit: UnitKind = "bottleneck", order: Order = "full_preactivation"
) -> PreResNetSpec:
    """Three stages of n units of 1, 2 or 3 layers, and the first and last layer."""
    per_unit = {"single": 1, "basic": 2, "bottleneck": 3}[unit]
    return PreResNetSpec(
        depths=((layers - 2) // (3 * per_unit),) * 3,
        widths=(16, 32, 64),
        unit=unit,
        order=order,
        shortcut="B" if unit == "bottleneck" else "A",
        stem="3x3",
        input_side=32,
        num_classes=10,
    )


_D50 = (3, 4, 6, 3)
_D101 = (3, 4, 23, 3)
_D152 = (3, 8, 36, 3)
_D200 = (3, 24, 36, 3)
_NO_NORM = "leaves out the scales and shifts of batch norm: 10,178,490 parameters without them"

FAMILY = Family(
    name="preresnet",
    title="Pre-activation ResNet and other orders",
    paper=HE2016B,
    build=PreResNet,
    variants={
        "preresnet110_cifar": _cifar(110, "basic"),
        "preresnet164_cifar": _cifar(164),
        "preresnet1001_cifar": _cifar(1001),
        "preresnet110_1layer_cifar": _cifar(110, "single"),
        "preresnet50": PreResNetSpec(depths=_D50),
        "preresnet101": PreResNetSpec(depths=_D101),
        "preresnet152": PreResNetSpec(depths=_D152),
        "preresnet200": PreResNetSpec(depths=_D200),
        "preresnet50_v15": PreResNetSpec(depths=_D50, stride_in="3x3"),
        "preresnet101_v15": PreResNetSpec(depths=_D101, stride_in="3x3"),
        "preresnet152_v15": PreResNetSpec(depths=_D152, stride_in="3x3"),
        "preresnet200_v15": PreResNetSpec(depths=_D200, stride_in="3x3"),
        "resnetv2_50": PreResNetSpec(depths=_D50, stride_in="3x3", stem="7x7 bare"),
        "resnetv2_101": PreResNetSpec(depths=_D101, stride_in="3x3", stem="7x7 bare"),
        "resnetv2_152": PreResNetSpec(depths=_D152, stride_in="3x3", stem="7x7 bare"),
        "resnet164_cifar": _cifar(164, order="original"),
        "resnet1001_cifar": _cifar(1001, order="original"),
        "resnet110_1layer_cifar": _cifar(110, "single", "original"),
        "resnet110_bn_after_addition_cifar": _cifar(110, "basic", "bn_after_addition"),
        "resnet164_bn_after_addition_cifar": _cifar(164, order="bn_after_addition"),
        "resnet101_bn_after_addition": PreResNetSpec(depths=_D101, order="bn_after_addition"),
        "resnet110_relu_before_addition_cifar": _cifar(110, "basic", "relu_before_addition"),
        "resnet164_relu_before_addition_cifar": _cifar(164, order="relu_before_addition"),
        "resnet110_relu_preactivation_cifar": _cifar(110, "basic", "relu_preactivation"),
        "resnet164_relu_preactivation_cifar": _cifar(164, order="relu_preactivation"),
    },
    facts=(
        Fact("preresnet164_cifar", "params", "1.7e6", HE2016B, "Table 4"),
        Fact("preresnet1001_cifar", "params", "10.2e6", HE2016B, "Table 4", _NO_NORM),
        Fact("resnet164_cifar", "params", "1.7e6", HE2016B, "Table 4, CIFAR-100"),
        Fact("resnet1001_cifar", "params", "10.2e6", HE2016B, "Table 4, CIFAR-100", _NO_NORM),
        Fact("preresnet110_cifar", "layers", "110", HE2016B, "Table 3"),
        Fact("preresnet110_1layer_cifar", "layers", "110", HE2016B, "Table 3"),
        Fact("preresnet164_cifar", "layers", "164", HE2016B, "Sec. 4.1, Table 3"),
        Fact("preresnet1001_cifar", "layers", "1001", HE2016B, "Sec. 4.1, Table 3"),
        Fact("preresnet152", "layers", "152", HE2016B, "Table 5"),
        Fact("preresnet200", "layers", "200", HE2016B, "Table 5"),
    ),
    widths=(0.25, 0.5, 1.0),
)
