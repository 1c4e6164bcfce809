"""AlexNet: deep convolutions with ReLU, split over two GPUs that meet only at some layers.

The split is a grouped convolution: conv2, conv4 and conv5 read only the maps of their own tower.

Paper: Krizhevsky, Sutskever, Hinton, NIPS 2012: layers Fig. 2 and Section 3.5, normalisation
Section 3.3, overlapping pooling Section 3.4, initialisation Section 5. The ablations are
`normalisation="none"` (Section 3.3) and `pool_size=2` (Section 3.4).
Departs from the paper: the input side is 227, as in the authors' code; the printed 224 does not
give the printed maps of 55. Normalisation runs over the maps of both towers, as in the BVLC port.
Common elsewhere: nets without groups have 62,378,344 parameters, here `alexnet_ungrouped`; its
first maps are 55x55, those of pytorchcv's `alexnet` 54x54. torchvision's `alexnet` has channels of
64, 192, 384, 256, 256 and 61,100,840 parameters, here `alexnet_owt`. CaffeNet pools before it
normalises. torch's `LocalResponseNorm` divides alpha by n, so that the paper's alpha of 1e-4 is
5e-4 there.

`alexnet_owt` is what libraries call AlexNet: the one-tower net of arXiv:1404.5997, in the form in
general use, without normalisation and with dropout before the hidden fully connected layers.

`alexnet_small` is for images of 8 to 64 pixels: five layers with the groups, kernels and
overlapping pools of the paper and the channels of one tower; a 3x3 stem at stride 1, batch norm
in place of normalisation, 256 hidden units. The side is halved until about 4 pixels are left, by
the first of the three pools, then by the stem.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import HAN2016, ZHANG2018
from convatlas.layers import (
    check_groups,
    fully_connected,
    halvings,
    he_normal,
    normal,
    response_norm,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AlexNetSpec(Spec):
    """Section 3.5; the five convolutions by their columns."""

    input_side: int = 227
    channels: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    groups: tuple[int, int, int, int, int] = (1, 2, 1, 2, 2)
    stem_kernel_size: int = 11
    stem_padding: int = 0
    pool_size: Literal[2, 3] = 3  # z; windows overlap where it exceeds the stride, 2
    downsampling: Literal["fixed", "by_side"] = "fixed"  # by_side: as often as the side allows
    normalisation: Literal["local_response", "none", "batch"] = "local_response"
    hidden: int = 4096  # units of fc6 and fc7
    dropout: Literal["outputs", "inputs"] = "outputs"  # of fc6 and fc7


class AlexNet(nn.Module):
    """Five convolutions, of which three are pooled, and three fully connected layers."""

    def __init__(self, spec: AlexNetSpec) -> None:
        super().__init__()
        _check(spec)
        stem_stride, pooled = _downsampling(spec)
        kernels, paddings = (spec.stem_kernel_size, 5, 3, 3, 3), (spec.stem_padding, 2, 1, 1, 1)
        channels, side = spec.in_channels, spec.input_side
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number in range(1, 6):
            index = number - 1
            width = scale_channels(spec.channels[index], spec.width_multiplier)
            conv = nn.Conv2d(
                channels,
                width,
                kernels[index],
                stride=stem_stride if number == 1 else 1,
                padding=paddings[index],
                groups=_groups(spec, number, channels, width),
                bias=spec.normalisation != "batch",
            )
            pool = nn.MaxPool2d(spec.pool_size, 2, _pool_padding(spec))
            layers[f"conv{number}"] = _layer(spec, number, conv, pool if number in pooled else None)
            side = _side_after(spec, side, conv, number in pooled)
            channels = width
        if side < 1:
            raise UserError(
                f"input_side={spec.input_side} leaves no map to classify: use 67 or more."
            )
        self.stem = layers.pop("conv1")
        self.stages = nn.Sequential(layers)
        hidden = scale_channels(spec.hidden, spec.width_multiplier)
        self.classifier = fully_connected(
            channels * side**2, (hidden, hidden), spec.num_classes, dropout=spec.dropout
        )
        _initialise(self, spec)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.stages(self.stem(images)).flatten(1))


def _check(spec: AlexNetSpec) -> None:
    one_of("pool_size", spec.pool_size, (2, 3))
    one_of("downsampling", spec.downsampling, ("fixed", "by_side"))
    one_of("normalisation", spec.normalisation, ("local_response", "none", "batch"))
    one_of("dropout", spec.dropout, ("outputs", "inputs"))


def _groups(spec: AlexNetSpec, number: int, in_channels: int, out_channels: int) -> int:
    groups = spec.groups[number - 1]
    for channels in (in_channels, out_channels):
        check_groups(groups, channels=channels, name=f"groups of conv{number}")
    return groups


def _downsampling(spec: AlexNetSpec) -> tuple[int, tuple[int, ...]]:
    """The stem's stride, and the convolutions that a pool follows."""
    if spec.downsampling == "fixed":
        return 4, (1, 2, 5)
    times = halvings(spec.input_side)
    return 2 ** max(0, times - 3), (1, 2, 5)[:times]


def _pool_padding(spec: AlexNetSpec) -> int:
    return (spec.pool_size - 1) // 2 if spec.downsampling == "by_side" else 0


def _layer(
    spec: AlexNetSpec, number: int, conv: nn.Conv2d, pool: nn.MaxPool2d | None
) -> nn.Sequential:
    """Convolution, ReLU, then normalisation and pooling where the layer has them."""
    layer: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    if spec.normalisation == "batch":
        layer["norm"] = nn.BatchNorm2d(conv.out_channels)
    layer["relu"] = nn.ReLU(inplace=True)
    if spec.normalisation == "local_response" and number <= 2:
        layer["norm"] = response_norm()
    if pool is not None:
        layer["pool"] = pool
    return nn.Sequential(layer)


def _side_after(spec: AlexNetSpec, side: int, conv: nn.Conv2d, pooled: bool) -> int:
    side = (side + 2 * int(conv.padding[0]) - conv.kernel_size[0]) // conv.stride[0] + 1
    return (side + 2 * _pool_padding(spec) - spec.pool_size) // 2 + 1 if pooled else side


def _initialise(net: AlexNet, spec: AlexNetSpec) -> None:
    """Section 5: N(0, 0.01^2); biases of conv2, 4, 5 and the hidden layers 1, the others 0.

    At another width a unit has fewer or more inputs: the variance makes up for it.
    """
    if spec.normalisation == "batch":
        net.apply(he_normal)
        return
    net.apply(normal(0.01 / spec.width_multiplier**0.5))
    for name in ("stages.conv2.conv", "stages.conv4.conv", "stages.conv5.conv"):
        nn.init.ones_(net.get_parameter(f"{name}.bias"))
    for name in ("classifier.fc6", "classifier.fc7"):
        nn.init.ones_(net.get_parameter(f"{name}.bias"))


KRIZHEVSKY2012 = Paper(
    "Krizhevsky2012",
    "ImageNet classification with deep convolutional neural networks",
    "NIPS 2012",
    "doi:10.1145/3065386",
)
_HAN_TABLE_4 = (
    ("stem", "35e3"),
    ("stages.conv2", "307e3"),
    ("stages.conv3", "885e3"),
    ("stages.conv4", "663e3"),
    ("stages.conv5", "442e3"),
    ("classifier.fc6", "38e6"),
    ("classifier.fc7", "17e6"),
    ("classifier.fc8", "4e6"),
)
FAMILY = Family(
    name="alexnet",
    title="AlexNet",
    paper=KRIZHEVSKY2012,
    build=AlexNet,
    variants={
        "alexnet": AlexNetSpec(),
        "alexnet_ungrouped": AlexNetSpec(groups=(1, 1, 1, 1, 1)),
        "alexnet_owt": AlexNetSpec(
            input_side=224,
            channels=(64, 192, 384, 256, 256),
            groups=(1, 1, 1, 1, 1),
            stem_padding=2,
            normalisation="none",
            dropout="inputs",
        ),
        "alexnet_small": AlexNetSpec(
            input_side=32,
            num_classes=10,
            channels=(48, 128, 192, 192, 128),
            stem_kernel_size=3,
            stem_padding=1,
            downsampling="by_side",
            normalisation="batch",
            hidden=256,
        ),
    },
    facts=(
        Fact("alexnet", "params", "60e6", KRIZHEVSKY2012, "Abstract"),
        Fact("alexnet", "layers", "8", KRIZHEVSKY2012, "Section 3"),
        Fact("alexnet", "params", "61e6", HAN2016, "Table 1, AlexNet Ref"),
        Fact("alexnet", "size_bytes", "240000000", HAN2016, "Table 1, AlexNet Ref"),
        *(
            Fact("alexnet", "params", printed, HAN2016, "Table 4", part=part)
            for part, printed in _HAN_TABLE_4
        ),
        Fact("alexnet", "mult_adds", "720000000", ZHANG2018, "Table 8, AlexNet"),
    ),
    widths=(0.25, 0.5, 1.0),
    offered=("alexnet_owt", "alexnet_small"),
)
