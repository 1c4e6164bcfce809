"""ZFNet: AlexNet after a look at its features: a finer first layer, and no towers.

Visualised, AlexNet's first filters were either very high or very low frequencies, and its second
layer showed aliasing. So the first layer has 7x7 windows at stride 2 instead of 11x11 at stride 4.

Paper: Zeiler and Fergus, ECCV 2014 (arXiv:1311.2901): layers Fig. 3, training Section 3, other
sizes Table 3. `zfnet` is Fig. 3, model (a) of Table 2; `zfnet_b` is model (b), whose layers 3, 4
and 5 have 512, 1024 and 512 maps. The changes of Table 3 are fields of the spec:
`hidden=(8192, 8192)` adjusts layers 6 and 7, `hidden=()` removes them, and `channels=(96, 256,
256)` removes layers 3 and 4.
Departs from the paper: the first convolution pads by 1 and the pools round their sides up, which
the printed maps of 110, 55, 26, 13 and 6 need and the text does not say. Fig. 3 normalises contrast
across feature maps after the first two pools without printing constants; it is built as response
normalisation with AlexNet's constants. The text sets all weights to 0.01; they are drawn from
N(0, 0.01^2), whose variance a width multiplier divides.
Common elsewhere: pytorchcv's `zfnet` and `zfnetb` have these parameters (62,357,608 and
107,627,624), but normalise before they pool, with a fifth of AlexNet's alpha.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import fully_connected, normal, response_norm, scale_channels
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ZFNetSpec(Spec):
    """Fig. 3; layers are numbered from 1, the hidden linear ones follow the convolutions."""

    channels: tuple[int, ...] = (96, 256, 384, 384, 256)  # after the first two, all are 3x3
    hidden: tuple[int, ...] = (4096, 4096)  # units of layers 6 and 7
    normalisation: Literal["local_response", "none"] = "local_response"


class ZFNet(nn.Module):
    """Two convolutions that halve the side, then 3x3 ones, and fully connected layers."""

    def __init__(self, spec: ZFNetSpec) -> None:
        super().__init__()
        one_of("normalisation", spec.normalisation, ("local_response", "none"))
        if len(spec.channels) < 3:
            raise UserError(f"channels={spec.channels} has too few layers: use 3 or more.")
        widths = [scale_channels(c, spec.width_multiplier) for c in spec.channels]
        self.stem = _layer(spec, nn.Conv2d(spec.in_channels, widths[0], 7, 2, padding=1))
        stages: OrderedDict[str, nn.Module] = OrderedDict(
            conv2=_layer(spec, nn.Conv2d(widths[0], widths[1], 5, 2))
        )
        for number in range(3, len(widths) + 1):
            conv = nn.Conv2d(widths[number - 2], widths[number - 1], 3, padding=1)
            stages[f"conv{number}"] = nn.Sequential(
                OrderedDict(conv=conv, relu=nn.ReLU(inplace=True))
            )
        stages["pool"] = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.stages = nn.Sequential(stages)
        hidden = [scale_channels(units, spec.width_multiplier) for units in spec.hidden]
        features = widths[-1] * _last_side(spec.input_side) ** 2
        self.classifier = fully_connected(features, hidden, spec.num_classes)
        self.apply(normal(0.01 / spec.width_multiplier**0.5))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.stages(self.stem(images)).flatten(1))


def _layer(spec: ZFNetSpec, conv: nn.Conv2d) -> nn.Sequential:
    """Convolution, rectified, pooled, contrast normalised."""
    layer: OrderedDict[str, nn.Module] = OrderedDict(
        conv=conv, relu=nn.ReLU(inplace=True), pool=nn.MaxPool2d(3, 2, ceil_mode=True)
    )
    if spec.normalisation == "local_response":
        layer["norm"] = response_norm()
    return nn.Sequential(layer)


def _last_side(input_side: int) -> int:
    """Side of the map that the classifier reads."""
    side = input_side
    for kernel_size, padding in ((7, 1), (5, 0)):
        side = _pooled((side + 2 * padding - kernel_size) // 2 + 1)
    if side < 2:
        raise UserError(f"input_side={input_side} leaves no map to classify: use 47 or more.")
    return _pooled(side)


def _pooled(side: int) -> int:
    """After a pool of 3x3 at stride 2 that rounds up; its last window starts inside."""
    return -(-(side - 3) // 2) + 1


ZEILER2014 = Paper(
    "Zeiler2014",
    "Visualizing and understanding convolutional networks",
    "ECCV 2014",
    "arXiv:1311.2901",
)
FAMILY = Family(
    name="zfnet",
    title="ZFNet",
    paper=ZEILER2014,
    build=ZFNet,
    variants={
        "zfnet": ZFNetSpec(),
        "zfnet_b": ZFNetSpec(channels=(96, 256, 512, 1024, 512)),
    },
    facts=(Fact("zfnet", "layers", "8", ZEILER2014, "Fig. 3"),),
    widths=(0.25, 0.5, 1.0),
)
