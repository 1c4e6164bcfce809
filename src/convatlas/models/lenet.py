"""LeNet-5: convolutions learn the features, sub-sampling makes them tolerant to shifts.

Paper: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86(11), 1998: layers Section II-B and Fig. 2,
connections of C3 Table I, output units Eq. 7, squashing function and initialisation Appendix A. The
loss that the paper trains it with, Eq. 9, is `layers.map_loss`.
Departs from the paper: the digits' 7x12 bitmaps, which the paper shows only as a picture (Fig. 3),
are redrawn in its manner; they are fixed, so no count depends on their pixels. The output is minus
the paper's penalty, so that the largest value wins as everywhere else. For other than ten classes,
where no bitmaps exist, the targets are fixed +-1 codes from a seeded generator. More than one
input channel only widens the kernels of C1.
Common elsewhere: average or max pooling without parameters, C3 reading all six maps (2,416
parameters), tanh or ReLU, a linear output: then 61,706 parameters. What Deep Compression and caffe
call LeNet-5 has 431,080 parameters, here `lenet5_caffe`.

`lenet5_small` is that common form (ReLU, max pooling) for images of any side from 8: C5 takes
whatever map is left. Below 28 pixels its convolutions pad by 2, so that a map is left.
"""

import random
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import (
    RadialBasis,
    ScaledTanh,
    SparseConv2d,
    SubSample,
    scale_channels,
    xavier_uniform,
)
from convatlas.models._digit_bitmaps import digit_bitmaps
from convatlas.models._family import Family, Spec

# Table I: the maps of S2 that each map of C3 reads
TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeNetSpec(Spec):
    """The paper's only net, or the form it has in today's libraries."""

    input_side: int = 32
    in_channels: int = 1
    num_classes: int = 10
    form: Literal["paper", "library"] = "paper"


class LeNet5(nn.Module):
    """Fig. 2: C1, S2, C3, S4, C5, F6, each followed by the squashing function, and the output."""

    def __init__(self, spec: LeNetSpec) -> None:
        super().__init__()
        if spec.input_side != 32 or spec.width_multiplier != 1.0:
            raise UserError(
                f"lenet5 is the paper's net, for 32x32 images at its own width; got "
                f"input_side={spec.input_side}, width_multiplier={spec.width_multiplier:g}. "
                f"Use lenet5_small for other sides and widths."
            )
        self.stem = _squashed("c1", nn.Conv2d(spec.in_channels, 6, 5))
        self.stages = nn.Sequential(
            OrderedDict(
                s2=_squashed("sample", SubSample(6)),
                c3=_squashed("conv", SparseConv2d(6, TABLE_I, 5)),
                s4=_squashed("sample", SubSample(16)),
                c5=_squashed("conv", nn.Conv2d(16, 120, 5)),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                f6=nn.Linear(120, 84),
                squash=ScaledTanh(),
                output=RadialBasis(torch.tensor(_codes(spec.num_classes))),
            )
        )
        self.apply(uniform_by_fan_in)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`: minus the output units' penalties."""
        return self.classifier(self.stages(self.stem(images)).flatten(1))


class LeNet5Library(nn.Module):
    """5x5 convolutions, ReLU, 2x2 max pooling, three linear layers."""

    def __init__(self, spec: LeNetSpec) -> None:
        super().__init__()
        if spec.input_side < 8:
            raise UserError(f"input_side={spec.input_side} is too small: use 8 or more.")
        maps1, maps2, units5, units6 = (
            scale_channels(c, spec.width_multiplier, divisor=2) for c in (6, 16, 120, 84)
        )
        padding = 0 if spec.input_side >= 28 else 2
        lost = 4 - 2 * padding
        side = ((spec.input_side - lost) // 2 - lost) // 2
        self.stem = _pooled(nn.Conv2d(spec.in_channels, maps1, 5, padding=padding))
        self.stages = _pooled(nn.Conv2d(maps1, maps2, 5, padding=padding))
        self.classifier = nn.Sequential(
            OrderedDict(
                c5=nn.Linear(maps2 * side**2, units5),
                relu5=nn.ReLU(inplace=True),
                f6=nn.Linear(units5, units6),
                relu6=nn.ReLU(inplace=True),
                output=nn.Linear(units6, spec.num_classes),
            )
        )
        self.apply(xavier_uniform)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.stages(self.stem(images)).flatten(1))


def build(spec: LeNetSpec) -> nn.Module:
    """The net of the spec's form."""
    return LeNet5(spec) if spec.form == "paper" else LeNet5Library(spec)


@torch.no_grad()
def uniform_by_fan_in(module: nn.Module) -> None:
    """Weights and biases from U(-2.4 / F, 2.4 / F), F being the inputs of their unit (Appendix A).

    A unit of S2 or S4 has F = 4. The maps of C3 differ in F.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        for parameter in module.parameters():
            _uniform(parameter, module.weight[0].numel())
    elif isinstance(module, SubSample):
        _uniform(module.coefficient, module.kernel_size**2)
        _uniform(module.bias, module.kernel_size**2)
    elif isinstance(module, SparseConv2d):
        first = 0
        for number, maps in enumerate(module.connections):
            kernels = module.weight[first : first + len(maps)]
            _uniform(kernels, kernels.numel())
            _uniform(module.bias[number], kernels.numel())
            first += len(maps)


def _uniform(tensor: Tensor, fan_in: int) -> None:
    nn.init.uniform_(tensor, -2.4 / fan_in, 2.4 / fan_in)


def _squashed(name: str, layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict([(name, layer), ("squash", ScaledTanh())]))


def _pooled(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(inplace=True), pool=nn.MaxPool2d(2)))


def _codes(num_classes: int) -> list[list[float]]:
    """The digits' bitmaps for ten classes, else as many random codes of 84 signs."""
    if num_classes == 10:
        return digit_bitmaps()
    generator = random.Random(1998)
    return [
        [1.0 if generator.random() < 0.5 else -1.0 for _ in range(84)] for _ in range(num_classes)
    ]


LECUN1998 = Paper(
    "LeCun1998",
    "Gradient-based learning applied to document recognition",
    "Proceedings of the IEEE 86(11), 1998",
    "doi:10.1109/5.726791",
)
_PLACE = "Section II-B"
FAMILY = Family(
    name="lenet",
    title="LeNet-5",
    paper=LECUN1998,
    build=build,
    variants={
        "lenet5": LeNetSpec(),
        "lenet5_small": LeNetSpec(form="library"),
    },
    facts=(
        Fact("lenet5", "params", "60000", LECUN1998, _PLACE),
        Fact("lenet5", "params", "156", LECUN1998, f"{_PLACE}, C1", part="stem"),
        Fact("lenet5", "params", "12", LECUN1998, f"{_PLACE}, S2", part="stages.s2"),
        Fact("lenet5", "params", "1516", LECUN1998, f"{_PLACE}, C3", part="stages.c3"),
        Fact("lenet5", "params", "32", LECUN1998, f"{_PLACE}, S4", part="stages.s4"),
        Fact("lenet5", "params", "48120", LECUN1998, f"{_PLACE}, C5", part="stages.c5"),
        Fact("lenet5", "params", "10164", LECUN1998, f"{_PLACE}, F6", part="classifier.f6"),
        Fact("lenet5", "connections", "340908", LECUN1998, _PLACE),
        Fact("lenet5", "connections", "122304", LECUN1998, f"{_PLACE}, C1", part="stem"),
        Fact("lenet5", "connections", "5880", LECUN1998, f"{_PLACE}, S2", part="stages.s2"),
        Fact("lenet5", "connections", "151600", LECUN1998, f"{_PLACE}, C3", part="stages.c3"),
        Fact("lenet5", "connections", "2000", LECUN1998, f"{_PLACE}, S4", part="stages.s4"),
        Fact("lenet5", "connections", "48120", LECUN1998, f"{_PLACE}, C5", part="stages.c5"),
    ),
    widths=(0.5, 1.0, 2.0),
    offered=("lenet5_small",),
)
