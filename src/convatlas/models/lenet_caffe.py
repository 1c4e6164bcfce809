"""The two nets for MNIST that Deep Compression starts from.

LeNet-300-100 has two hidden layers on the pixels; "LeNet-5" is caffe's: wider than LeCun's, with
max pooling, and with no nonlinearity but one ReLU in its hidden layer and the maxima of the pools.

Paper: Han, Mao, Dally, ICLR 2016 (arXiv:1510.00149): Tables 1, 2 and 3. They print weights per
layer; kernels, pools, the place of the ReLU and the initial weights are those of the net with these
counts in caffe's `examples/mnist/lenet.prototxt`.
Departs from the paper: nothing. The hidden layers of LeNet-300-100 are rectified, which the paper
does not say.
Common elsewhere: many ports rectify each convolution too, which changes no count. LeCun's LeNet-5
of 60,000 parameters is another net, here `lenet5`.
"""

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import HAN2016
from convatlas.layers import scale_channels, uniform_by_inputs
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class LeNetCaffeSpec(Spec):
    """The rows of Table 2 or 3."""

    input_side: int = 28
    in_channels: int = 1
    num_classes: int = 10
    convolutions: tuple[int, ...] = ()  # 5x5, without padding, each with a 2x2 max pool
    hidden: tuple[int, ...] = (300, 100)  # linear layers before the logits


class LeNetCaffe(nn.Module):
    """Pooled convolutions, if any, then hidden linear layers ip1, ip2, ..., and the logits."""

    def __init__(self, spec: LeNetCaffeSpec) -> None:
        super().__init__()
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels, side = spec.in_channels, spec.input_side
        for number, maps in enumerate(spec.convolutions, start=1):
            width = scale_channels(maps, spec.width_multiplier, divisor=2)
            conv = nn.Conv2d(channels, width, 5)
            pool = nn.MaxPool2d(2, stride=2, ceil_mode=True)
            stages[f"conv{number}"] = nn.Sequential(OrderedDict(conv=conv, pool=pool))
            channels, side = width, (side - 4 + 1) // 2
            if side < 1:
                raise UserError(f"input_side={spec.input_side} is too small: use 13 or more.")
        stages["flatten"] = nn.Flatten()
        features = channels * side**2
        for number, units in enumerate(spec.hidden, start=1):
            width = scale_channels(units, spec.width_multiplier, divisor=2)
            stages[f"ip{number}"] = nn.Sequential(
                OrderedDict(linear=nn.Linear(features, width), relu=nn.ReLU(inplace=True))
            )
            features = width
        self.stages = nn.Sequential(stages)
        self.classifier = nn.Linear(features, spec.num_classes)
        self.apply(uniform_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.stages(images))


_TABLE_2 = (
    ("", "266e3"),
    ("stages.ip1", "235e3"),
    ("stages.ip2", "30e3"),
    ("classifier", "1e3"),
)
_TABLE_3 = (
    ("", "431e3"),
    ("stages.conv1", "0.5e3"),
    ("stages.conv2", "25e3"),
    ("stages.ip1", "400e3"),
    ("classifier", "5e3"),
)
FAMILY = Family(
    name="lenet_caffe",
    title="LeNet-300-100 and caffe's LeNet-5",
    paper=HAN2016,
    build=LeNetCaffe,
    variants={
        "lenet300_100": LeNetCaffeSpec(),
        "lenet5_caffe": LeNetCaffeSpec(convolutions=(20, 50), hidden=(500,)),
    },
    facts=(
        *(
            Fact("lenet300_100", "weights", printed, HAN2016, "Table 2", part=part)
            for part, printed in _TABLE_2
        ),
        *(
            Fact("lenet5_caffe", "weights", printed, HAN2016, "Table 3", part=part)
            for part, printed in _TABLE_3
        ),
        Fact("lenet300_100", "size_bytes", "1070000", HAN2016, "Table 1, LeNet-300-100 Ref"),
        Fact("lenet5_caffe", "size_bytes", "1720000", HAN2016, "Table 1, LeNet-5 Ref"),
    ),
    widths=(0.5, 1.0, 2.0),
)
