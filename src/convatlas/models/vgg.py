"""VGG: nothing but 3x3 convolutions, ever more of them.

Two 3x3 convolutions see as far as a 5x5, three as far as a 7x7, with fewer weights and more ReLUs.

Paper: Simonyan and Zisserman, ICLR 2015 (arXiv:1409.1556): configurations Table 1, parameters
Table 2, training Section 3.1.
Departs from the paper: nothing. Weights start by Glorot's rule, which Section 3.1 names as doing
without the pre-training on A; biases start at zero. `graft` starts a deeper net from a trained A,
as the paper did first.
Common elsewhere: `vgg11`, `vgg13`, `vgg16` and `vgg19` of torchvision and timm are `vgg_a`,
`vgg_b`, `vgg_d` and `vgg_e` (132,863,336 to 143,667,240 parameters). Their `_bn` forms, which no
paper describes, are `vgg_a_bn`, `vgg_b_bn`, `vgg_d_bn`, `vgg_e_bn` here: batch norm after every
convolution, which keeps its bias (138,365,992 parameters in `vgg_d_bn`). pytorchcv's `bn_vgg16`
drops the biases (138,361,768 parameters).

`vgg_a_small` is for images of 8 to 64 pixels: the convolutions of A at half its channels, with
batch norm; global average pooling and one linear layer in place of the three fully connected
ones. The side is halved until about 4 pixels are left, by pools after the first stages.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import HAN2016, HE2016, HUANG2018
from convatlas.layers import (
    fully_connected,
    halvings,
    he_normal,
    response_norm,
    scale_channels,
    xavier_uniform,
)
from convatlas.models._family import Family, Spec

Five = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class VGGSpec(Spec):
    """A column of Table 1."""

    depths: Five  # 3x3 convolutions per stage
    pointwise: Five = (0, 0, 0, 0, 0)  # 1x1 convolutions that end a stage (C)
    channels: Five = (64, 128, 256, 512, 512)
    local_response_norm: bool = False  # after the first convolution (A-LRN)
    batch_norm: bool = False  # after every convolution
    small: bool = False  # batch norm, pools by the side, one pooled linear layer


class VGG(nn.Module):
    """Five stages, each closed by a 2x2 max pool, and three fully connected layers."""

    def __init__(self, spec: VGGSpec) -> None:
        super().__init__()
        if not spec.small and spec.input_side < 32:
            raise UserError(
                f"input_side={spec.input_side} is too small for five pools: use 32 or more, "
                f"or vgg_a_small."
            )
        pools = min(5, halvings(spec.input_side)) if spec.small else 5
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels = spec.in_channels
        for number in range(1, 6):
            width = scale_channels(spec.channels[number - 1], spec.width_multiplier)
            stages[f"conv{number}"] = _stage(spec, number, channels, width, pooled=number <= pools)
            channels = width
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1) if spec.small else nn.Identity()
        self.classifier = (
            nn.Linear(channels, spec.num_classes)
            if spec.small
            else _classifier(spec, channels * (spec.input_side // 32) ** 2)
        )
        self.apply(he_normal if spec.small or spec.batch_norm else xavier_uniform)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(images)).flatten(1))


def _stage(
    spec: VGGSpec, number: int, in_channels: int, channels: int, *, pooled: bool
) -> nn.Sequential:
    kernels = (3,) * spec.depths[number - 1] + (1,) * spec.pointwise[number - 1]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for place, kernel_size in enumerate(kernels, start=1):
        layers[f"conv{place}"] = nn.Conv2d(
            in_channels, channels, kernel_size, padding=kernel_size // 2, bias=not spec.small
        )
        if spec.small or spec.batch_norm:
            layers[f"norm{place}"] = nn.BatchNorm2d(channels)
        layers[f"relu{place}"] = nn.ReLU(inplace=True)
        if spec.local_response_norm and number == place == 1:
            layers["norm"] = response_norm()
        in_channels = channels
    if pooled:
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


def _classifier(spec: VGGSpec, features: int) -> nn.Sequential:
    hidden = scale_channels(4096, spec.width_multiplier)
    return fully_connected(features, (hidden, hidden), spec.num_classes)


@torch.no_grad()
def graft(shallow: VGG, deep: VGG) -> list[str]:
    """Start `deep` from a trained `shallow`: its first four convolutions and all linear layers.

    Each goes to the layer of the same stage and place (with the batch norm behind it, if any): the
    first four convolutions of the deeper net itself have other shapes than those of A.

    Returns:
        The layers of `deep` that keep the weights they have.

    Raises:
        UserError: if `deep` lacks one of the layers or has it in another shape; nothing is copied.

    Source: Section 3.1.
    """
    stages = dict(shallow.stages.named_modules(prefix="stages"))
    grafted = [name for name, layer in stages.items() if isinstance(layer, nn.Conv2d)][:4]
    grafted += [norm for name in grafted if (norm := _norm_of(name)) in stages]
    grafted += _with_weights(shallow, "classifier")
    theirs = _with_weights(deep)
    for name in grafted:
        needed = _shapes(shallow, name)
        if name not in theirs or _shapes(deep, name) != needed:
            raise UserError(f"The deeper net has no {name!r} with {needed} to graft onto.")
    for name in grafted:
        deep.get_submodule(name).load_state_dict(shallow.get_submodule(name).state_dict())
    return [name for name in theirs if name not in grafted]


def _norm_of(conv: str) -> str:
    stage, place = conv.rsplit(".conv", 1)
    return f"{stage}.norm{place}"


def _with_weights(net: nn.Module, part: str = "") -> list[str]:
    layers = net.get_submodule(part).named_modules(prefix=part)
    return [name for name, layer in layers if list(layer.parameters(recurse=False))]


def _shapes(net: nn.Module, layer: str) -> dict[str, tuple[int, ...]]:
    state = net.get_submodule(layer).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


SIMONYAN2015 = Paper(
    "Simonyan2015",
    "Very deep convolutional networks for large-scale image recognition",
    "ICLR 2015",
    "arXiv:1409.1556",
)
_TABLE_2 = (
    ("vgg_a", "133e6"),
    ("vgg_a_lrn", "133e6"),
    ("vgg_b", "133e6"),
    ("vgg_c", "134e6"),
    ("vgg_d", "138e6"),
    ("vgg_e", "144e6"),
)
_HAN_TABLE_5 = (
    *(("stages.conv1.conv1", "2e3"), ("stages.conv1.conv2", "37e3")),
    *(("stages.conv2.conv1", "74e3"), ("stages.conv2.conv2", "148e3")),
    *(("stages.conv3.conv1", "295e3"), ("stages.conv3.conv2", "590e3")),
    ("stages.conv3.conv3", "590e3"),
    *(("stages.conv4.conv1", "1e6"), ("stages.conv4.conv2", "2e6"), ("stages.conv4.conv3", "2e6")),
    *(("stages.conv5.conv1", "2e6"), ("stages.conv5.conv2", "2e6"), ("stages.conv5.conv3", "2e6")),
    *(("classifier.fc6", "103e6"), ("classifier.fc7", "17e6"), ("classifier.fc8", "4e6")),
)
_CONVOLUTIONS = "the figure leaves the fully connected layers out"
FAMILY = Family(
    name="vgg",
    title="VGG",
    paper=SIMONYAN2015,
    build=VGG,
    variants={
        "vgg_a": VGGSpec(depths=(1, 1, 2, 2, 2)),
        "vgg_a_lrn": VGGSpec(depths=(1, 1, 2, 2, 2), local_response_norm=True),
        "vgg_b": VGGSpec(depths=(2, 2, 2, 2, 2)),
        "vgg_c": VGGSpec(depths=(2, 2, 2, 2, 2), pointwise=(0, 0, 1, 1, 1)),
        "vgg_d": VGGSpec(depths=(2, 2, 3, 3, 3)),
        "vgg_e": VGGSpec(depths=(2, 2, 4, 4, 4)),
        "vgg_a_bn": VGGSpec(depths=(1, 1, 2, 2, 2), batch_norm=True),
        "vgg_b_bn": VGGSpec(depths=(2, 2, 2, 2, 2), batch_norm=True),
        "vgg_d_bn": VGGSpec(depths=(2, 2, 3, 3, 3), batch_norm=True),
        "vgg_e_bn": VGGSpec(depths=(2, 2, 4, 4, 4), batch_norm=True),
        "vgg_a_small": VGGSpec(
            input_side=32,
            num_classes=10,
            depths=(1, 1, 2, 2, 2),
            channels=(32, 64, 128, 256, 256),
            small=True,
        ),
    },
    facts=(
        *(
            Fact(variant, "params", printed, SIMONYAN2015, "Table 2")
            for variant, printed in _TABLE_2
        ),
        *(
            Fact("vgg_d", "params", printed, HAN2016, "Table 5", part=part)
            for part, printed in _HAN_TABLE_5
        ),
        Fact("vgg_d", "params", "138e6", HAN2016, "Table 1, VGG-16 Ref"),
        Fact(
            "vgg_d",
            "size_bytes",
            "552e6",
            HAN2016,
            "Table 1, VGG-16 Ref",
            because="4 bytes times the rounded 138M parameters; the exact count gives 553.4 MB",
        ),
        Fact(
            "vgg_d", "mult_adds", "15.3e9", HE2016, f"Section 4.1; {_CONVOLUTIONS}", part="stages"
        ),
        Fact("vgg_e", "mult_adds", "19.6e9", HE2016, "Sections 3.3 and 4.1"),
        Fact(
            "vgg_d",
            "mult_adds",
            "15300000000",
            HUANG2018,
            f"Table 6; {_CONVOLUTIONS}",
            part="stages",
        ),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=("vgg_a", "vgg_b", "vgg_a_small"),
)
