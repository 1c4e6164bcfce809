"""MobileNet: filter each channel on its own, then mix the channels with a 1x1 convolution.

A 3x3 convolution split that way (depthwise, then pointwise) takes 8 to 9 times fewer mult-adds.
A width multiplier makes every layer thinner, a smaller input every feature map smaller.

Paper: Howard et al., 2017 (arXiv:1704.04861): layers Table 1, block Fig. 3 right, Tables 4 to 7.
Departs from the paper: the second 1024 block has stride 1. Table 1 prints "s2" for it beside an
input and output of 7x7, and the printed mult-adds are those of stride 1.
Common elsewhere: ReLU6; stride-2 convolutions padded right and below only (released TensorFlow
code); 1001 classes; widths cut to integers (`int(32 * 0.3)`) where ours are multiples of 8.

`se_mobilenet` (Hu et al. 2018) weighs the channels behind every block. The 4 x 4 grid of widths and
sides has a name per net: `mobilenet_v1_w050_160`.

`mobilenet_v1_small` is no net of the paper: for images of 8 to 64 pixels its stem keeps the
resolution, two of the five stages are left out, and the last stage has 240 channels.
"""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact, Paper, Quantity
from convatlas.facts.papers import HOWARD2017, HU2018
from convatlas.layers import ConvNorm, he_normal, scale_channels, squeeze_excite
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV1Spec(Spec):
    """Table 1, its rows gathered by resolution."""

    stem_channels: int = 32
    stem_stride: int = 2
    # (blocks, channels) per stage; every stage but the first opens with stride 2
    stages: tuple[tuple[int, int], ...] = ((1, 64), (2, 128), (2, 256), (6, 512), (2, 1024))
    separable: bool = True  # False: each block is one full 3x3 convolution (Table 4)
    se_reduction: int | None = None  # r of squeeze and excitation behind every block; None: none


class DepthwiseSeparable(nn.Module):
    """Fig. 3 right: 3x3 per channel, then 1x1 over channels, each with batch norm and ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, se_reduction: int | None
    ) -> None:
        super().__init__()
        self.depthwise = ConvNorm(
            in_channels,
            in_channels,
            3,
            stride=stride,
            groups=in_channels,
            activation=nn.ReLU(inplace=True),
        )
        self.pointwise = ConvNorm(in_channels, out_channels, 1, activation=nn.ReLU(inplace=True))
        self.excite = squeeze_excite(out_channels, se_reduction)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The filtered and mixed channels of `x`."""
        return self.excite(self.pointwise(self.depthwise(x)))


class MobileNetV1(nn.Module):
    """Stem, stages of separable convolutions, global average, linear classifier."""

    def __init__(self, spec: MobileNetV1Spec) -> None:
        super().__init__()
        channels = scale_channels(spec.stem_channels, spec.width_multiplier)
        self.stem = ConvNorm(
            spec.in_channels,
            channels,
            3,
            stride=spec.stem_stride,
            activation=nn.ReLU(inplace=True),
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (depth, width) in enumerate(spec.stages, start=1):
            width = scale_channels(width, spec.width_multiplier)
            blocks = []
            for block in range(depth):
                stride = 2 if block == 0 and number > 1 else 1
                blocks.append(_block(spec, channels, width, stride))
                channels = width
            stages[f"stage{number}"] = nn.Sequential(*blocks)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _block(spec: MobileNetV1Spec, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if spec.separable:
        return DepthwiseSeparable(in_channels, out_channels, stride, spec.se_reduction)
    return ConvNorm(in_channels, out_channels, 3, stride=stride, activation=nn.ReLU(inplace=True))


RELEASE2018 = Paper(
    "MobileNet-v1-release",
    "MobileNet_v1 pre-trained models",
    "tensorflow/models, research/slim/nets/mobilenet_v1.md",
    "https://github.com/tensorflow/models",
)
_THREE_PER_CHANNEL = (
    "counts three numbers per batch-norm channel (the shift and two moving statistics) instead of "
    "the trained scale and shift"
)
_GATES = "counts one operation per element that the gates weigh as well, 2.7 M"
_NO_STEM = "leaves out the first convolution; the rows of the other widths count it"
_NO_CLASSIFIER = "leaves out the classifier's 1.024 M; the rows of the other nets count it"
_PAPER_ROWS: tuple[tuple[str, Quantity, str, str, str], ...] = (
    ("conv_mobilenet", "mult_adds", "4866e6", "Table 4", _NO_CLASSIFIER),
    ("conv_mobilenet", "params", "29.3e6", "Table 4", ""),
    ("mobilenet_v1", "mult_adds", "569e6", "Tables 4, 6 and 7", ""),
    ("mobilenet_v1", "params", "4.2e6", "Tables 4, 6 and 7", ""),
    ("mobilenet_v1_w075", "mult_adds", "325e6", "Tables 5 and 6", ""),
    ("mobilenet_v1_w075", "params", "2.6e6", "Tables 5 and 6", ""),
    ("shallow_mobilenet", "mult_adds", "307e6", "Table 5", ""),
    ("shallow_mobilenet", "params", "2.9e6", "Table 5", ""),
    ("mobilenet_v1_w050", "mult_adds", "149e6", "Table 6", ""),
    ("mobilenet_v1_w050", "params", "1.3e6", "Table 6", ""),
    ("mobilenet_v1_w025", "mult_adds", "41e6", "Table 6", ""),
    ("mobilenet_v1_w025", "params", "0.5e6", "Table 6", ""),
)
_PAPER_FACTS = tuple(
    Fact(variant, quantity, printed, HOWARD2017, where, because)
    for variant, quantity, printed, where, because in _PAPER_ROWS
)
_RESOLUTION_FACTS = tuple(
    Fact("mobilenet_v1", "mult_adds", printed, HOWARD2017, "Table 7", input_side=side)
    for side, printed in ((192, "418e6"), (160, "290e6"), (128, "186e6"))
)
_LAYER_FACTS = (  # Table 3: one layer of 3x3, 512 channels in and out, on 14x14
    Fact("conv_mobilenet", "mult_adds", "462e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact("mobilenet_v1", "mult_adds", "52.3e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact("mobilenet_v1_w075", "mult_adds", "29.6e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact("conv_mobilenet", "params", "2.36e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact("mobilenet_v1", "params", "0.27e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact("mobilenet_v1_w075", "params", "0.15e6", HOWARD2017, "Table 3", part="stages.stage4.1"),
    Fact(
        "mobilenet_v1_w075",
        "mult_adds",
        "15.1e6",
        HOWARD2017,
        "Table 3",
        part="stages.stage4.1",
        input_side=160,
    ),
)
_RELEASE_MULT_ADDS = tuple(
    Fact(variant, "mult_adds", printed, RELEASE2018, "model table", because, input_side=side)
    for variant, side, printed, because in (
        ("mobilenet_v1", 224, "569e6", ""),
        ("mobilenet_v1", 192, "418e6", ""),
        ("mobilenet_v1", 160, "291e6", ""),
        ("mobilenet_v1", 128, "186e6", ""),
        ("mobilenet_v1_w075", 224, "317e6", _NO_STEM),
        ("mobilenet_v1_w075", 192, "233e6", _NO_STEM),
        ("mobilenet_v1_w075", 160, "162e6", _NO_STEM),
        ("mobilenet_v1_w075", 128, "104e6", _NO_STEM),
        ("mobilenet_v1_w050", 224, "150e6", "149.497 M rounded twice: 149.5 M, then 150 M"),
        ("mobilenet_v1_w050", 192, "110e6", ""),
        ("mobilenet_v1_w050", 160, "77e6", ""),
        ("mobilenet_v1_w050", 128, "49e6", ""),
        ("mobilenet_v1_w025", 224, "41e6", ""),
        (
            "mobilenet_v1_w025",
            192,
            "34e6",
            "a slip: the same table's 41, 21 and 14 M at 224, 160 and 128 put 192 at 30 M",
        ),
        ("mobilenet_v1_w025", 160, "21e6", ""),
        ("mobilenet_v1_w025", 128, "14e6", ""),
    )
)
_RELEASE_PARAMS = (
    Fact("mobilenet_v1", "params", "4.24e6", RELEASE2018, "model table", _THREE_PER_CHANNEL),
    Fact("mobilenet_v1_w075", "params", "2.59e6", RELEASE2018, "model table"),
    Fact("mobilenet_v1_w050", "params", "1.34e6", RELEASE2018, "model table", _THREE_PER_CHANNEL),
    Fact("mobilenet_v1_w025", "params", "0.47e6", RELEASE2018, "model table"),
)
_WIDTHS = {"": 1.0, "_w075": 0.75, "_w050": 0.5, "_w025": 0.25}
_REDUCED = {
    f"mobilenet_v1{label}_{side}": MobileNetV1Spec(width_multiplier=width, input_side=side)
    for label, width in _WIDTHS.items()
    for side in (192, 160, 128)
}
_SE_FACTS = (
    Fact("se_mobilenet", "params", "4.7e6", HU2018, "Table 3"),
    Fact("se_mobilenet", "mult_adds", "572e6", HU2018, "Table 3", _GATES),
)
FAMILY = Family(
    name="mobilenet_v1",
    title="MobileNet",
    paper=HOWARD2017,
    build=MobileNetV1,
    variants={
        "mobilenet_v1": MobileNetV1Spec(),
        "mobilenet_v1_w075": MobileNetV1Spec(width_multiplier=0.75),
        "mobilenet_v1_w050": MobileNetV1Spec(width_multiplier=0.5),
        "mobilenet_v1_w025": MobileNetV1Spec(width_multiplier=0.25),
        **_REDUCED,
        "se_mobilenet": MobileNetV1Spec(se_reduction=16),
        "conv_mobilenet": MobileNetV1Spec(separable=False),
        "shallow_mobilenet": MobileNetV1Spec(
            stages=((1, 64), (2, 128), (2, 256), (1, 512), (2, 1024))
        ),
        "mobilenet_v1_small": MobileNetV1Spec(
            input_side=32,
            num_classes=10,
            stem_stride=1,
            stages=((1, 64), (2, 128), (3, 240)),
        ),
    },
    facts=(
        *_PAPER_FACTS,
        *_RESOLUTION_FACTS,
        *_LAYER_FACTS,
        *_RELEASE_MULT_ADDS,
        *_RELEASE_PARAMS,
        *_SE_FACTS,
    ),
    widths=(0.25, 0.5, 1.0),
    offered=("mobilenet_v1", "shallow_mobilenet", "mobilenet_v1_small"),
)
