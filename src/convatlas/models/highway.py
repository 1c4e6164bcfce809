"""Highway networks: every layer learns how much of its input to carry on unchanged.

A transform gate T weighs what a layer computes, H, against what it received: y = H T + x (1 - T).
The gate's bias starts negative, so that a fresh net mostly carries its input through and hundreds
of layers train. With T fixed at 1/2 a layer is a residual unit times 1/2.

Paper: Srivastava et al., NIPS 2015 (arXiv:1507.06228): fully connected nets Sec. 3.1 and Fig. 1,
MNIST Table 1, CIFAR Sec. 3.3.2 and Table 3; layers of the convolutional nets as in the authors'
released code.
Departs from the paper: nothing. Its "10 layers" of the fully connected nets do not count the
output layer; `plain_10_fc_mnist` and its kin are the nets without gates that it compares, 71 units
wide for an equal number of parameters. The gates' first bias, searched from -1 to -10 for these, is
-2 here. The released file for CIFAR-10 keeps 100 outputs, of which ten can occur;
`highway_19_cifar10` has ten. Table 2's nets A, B and C are missing: the widths of A and C and the
fully connected layers of all three are printed nowhere (B's convolutions are those of
`highway_19_cifar10`).
Common elsewhere: no library offers these nets.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import Gate, gate_bias, scale_channels, xavier_uniform
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HighwaySpec(Spec):
    """A column of Fig. 1, or a file of the released code."""

    input_side: int = 28
    in_channels: int = 1
    num_classes: int = 10
    layers: Literal["linear", "conv"] = "linear"
    gated: bool = True  # False: a plain net
    depths: tuple[int, ...] = (9,)  # highway layers per stage
    widths: tuple[int, ...] = (50,)  # units, or filters, per stage
    activation: Literal["relu", "tanh"] = "relu"
    gate_bias: float = -2.0  # of every transform gate at the start of training
    # of convolutional nets
    stem: Literal["3x3", "5x5"] = "3x3"  # the 5x5 is not padded
    pools: tuple[int, ...] = ()  # side of the max pool behind each stage, at stride 2; 0 for none
    head: int | None = None  # filters of a last 1x1 before a global average; None for neither
    dropout: tuple[float, ...] = (0.0,)  # of the image, and behind each stage's pool or the average


class HighwayLayer(nn.Module):
    """y = H(x) T(x) + x (1 - T(x))."""

    def __init__(self, transform: nn.Module, gate: Gate) -> None:
        super().__init__()
        self.transform = transform
        self.gate = gate

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Between `x` and its transform, element by element."""
        h, t = self.transform(x), self.gate(x)
        return x + (h - x) * t


class LinearHighway(nn.Module):
    """A plain layer that reads all pixels, then highway layers of one width."""

    def __init__(self, spec: HighwaySpec) -> None:
        super().__init__()
        (depth,) = spec.depths
        units = scale_channels(spec.widths[0], spec.width_multiplier)
        pixels = spec.in_channels * spec.input_side**2
        self.stem = nn.Sequential(nn.Flatten(), _activated(spec, nn.Linear(pixels, units)))
        layers = [_layer(spec, lambda: nn.Linear(units, units)) for _ in range(depth)]
        self.stages = nn.Sequential(OrderedDict(stage1=nn.Sequential(*layers)))
        self.classifier = nn.Linear(units, spec.num_classes)
        self.apply(xavier_uniform)
        self.apply(gate_bias(spec.gate_bias))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.stages(self.stem(images)))


class ConvHighway(nn.Module):
    """Stages of highway layers; a plain convolution begins a stage that widens."""

    def __init__(self, spec: HighwaySpec) -> None:
        super().__init__()
        channels = scale_channels(spec.widths[0], spec.width_multiplier)
        side = spec.input_side if spec.stem == "3x3" else spec.input_side - 4
        self.stem = _stem(spec, channels)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, width in enumerate(spec.widths, start=1):
            width = scale_channels(width, spec.width_multiplier)
            stages[f"stage{number}"] = _stage(spec, number, channels, width)
            channels, side = width, _pooled(side, spec.pools[number - 1])
        self.stages = nn.Sequential(stages)
        self.pool: nn.Module = nn.Identity()
        if spec.head is not None:
            head = scale_channels(spec.head, spec.width_multiplier)
            self.pool = _head(spec, channels, head)
            channels, side = head, 1
        self.classifier = nn.Linear(channels * side**2, spec.num_classes)
        self.apply(xavier_uniform)
        self.apply(gate_bias(spec.gate_bias))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def build(spec: HighwaySpec) -> nn.Module:
    """The net of `spec`.

    Raises:
        UserError: for a spec that cannot be built.
    """
    one_of("layers", spec.layers, ("linear", "conv"))
    one_of("activation", spec.activation, ("relu", "tanh"))
    one_of("stem", spec.stem, ("3x3", "5x5"))
    stages = len(spec.widths)
    if spec.layers == "linear":
        if (len(spec.depths), stages) != (1, 1):
            raise UserError(
                f"depths={spec.depths} and widths={spec.widths}: a net of linear layers has one "
                "stage. Use one number each."
            )
        return LinearHighway(spec)
    if not len(spec.depths) == len(spec.pools) == stages == len(spec.dropout) - 1:
        raise UserError(
            f"depths={spec.depths}, widths={spec.widths}, pools={spec.pools} and "
            f"dropout={spec.dropout} do not fit. Use one number per stage, and one dropout more."
        )
    return ConvHighway(spec)


def _stem(spec: HighwaySpec, channels: int) -> nn.Module:
    conv = nn.Conv2d(spec.in_channels, channels, 5)
    if spec.stem == "3x3":
        conv = nn.Conv2d(spec.in_channels, channels, 3, padding=1)
    return nn.Sequential(
        OrderedDict(dropout=nn.Dropout(spec.dropout[0]), conv=_activated(spec, conv))
    )


def _stage(spec: HighwaySpec, number: int, in_channels: int, width: int) -> nn.Module:
    stage: OrderedDict[str, nn.Module] = OrderedDict()
    if width != in_channels:
        stage["widen"] = _activated(spec, nn.Conv2d(in_channels, width, 3, padding=1))
    for layer in range(1, spec.depths[number - 1] + 1):
        stage[f"layer{layer}"] = _layer(spec, lambda: nn.Conv2d(width, width, 3, padding=1))
    if spec.pools[number - 1]:
        stage["pool"] = nn.MaxPool2d(spec.pools[number - 1], stride=2, ceil_mode=True)
        stage["dropout"] = nn.Dropout(spec.dropout[number])
    return nn.Sequential(stage)


def _head(spec: HighwaySpec, in_channels: int, head: int) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv=_activated(spec, nn.Conv2d(in_channels, head, 1)),
            average=nn.AdaptiveAvgPool2d(1),
            dropout=nn.Dropout(spec.dropout[-1]),
        )
    )


def _layer(spec: HighwaySpec, weights: Callable[[], nn.Conv2d | nn.Linear]) -> nn.Module:
    """A highway layer whose H and T have `weights()` of their own; a plain one has H alone."""
    transform = _activated(spec, weights())
    return HighwayLayer(transform, Gate(weights())) if spec.gated else transform


def _activated(spec: HighwaySpec, weights: nn.Module) -> nn.Module:
    activation = nn.ReLU(inplace=True) if spec.activation == "relu" else nn.Tanh()
    return nn.Sequential(OrderedDict(weights=weights, activation=activation))


def _pooled(side: int, window: int) -> int:
    """The side behind a max pool at stride 2 that covers every pixel."""
    return side if window == 0 else max(1, -(-(side - window) // 2) + 1)


def _mnist(width: int) -> HighwaySpec:
    """Sec. 3.2; the layers are those of the released file."""
    return HighwaySpec(
        layers="conv",
        depths=(2, 3, 3),
        widths=(width,) * 3,
        gate_bias=-1.0,
        stem="5x5",
        pools=(3, 3, 2),
        dropout=(0.2, 0.3, 0.4, 0.5),
    )


def _cifar(num_classes: int) -> HighwaySpec:
    """Sec. 3.3.2; the layers are those of the released files."""
    return HighwaySpec(
        layers="conv",
        depths=(4, 5, 5),
        widths=(32, 80, 128),
        pools=(2, 2, 0),
        head=100,
        dropout=(0.2, 0.2, 0.2, 0.2),
        input_side=32,
        in_channels=3,
        num_classes=num_classes,
    )


def _plain(depth: int) -> HighwaySpec:
    return HighwaySpec(gated=False, depths=(depth,), widths=(71,))


SRIVASTAVA2015 = Paper(
    "Srivastava2015", "Training Very Deep Networks", "NIPS 2015", "arXiv:1507.06228"
)
SRIVASTAVA2015_CODE = Paper(
    "Srivastava2015-code",
    "Highway Networks, the authors' code",
    "GitHub",
    "https://github.com/flukeskywalker/highway-networks",
)
_MNIST_LOG = "examples/highways/mnist-10layers/sample.log"
_CIFAR_LOG = "examples/highways/cifar100-19layers/sample.log"
_PER_LAYER = "stages.stage1.0"

FAMILY = Family(
    name="highway",
    title="Highway networks",
    paper=SRIVASTAVA2015,
    build=build,
    variants={
        "highway_10_fc_mnist": HighwaySpec(depths=(9,)),
        "highway_20_fc_mnist": HighwaySpec(depths=(19,)),
        "highway_50_fc_mnist": HighwaySpec(depths=(49,)),
        "highway_100_fc_mnist": HighwaySpec(depths=(99,)),
        "plain_10_fc_mnist": _plain(9),
        "plain_20_fc_mnist": _plain(19),
        "plain_50_fc_mnist": _plain(49),
        "plain_100_fc_mnist": _plain(99),
        "highway_10_w16_mnist": _mnist(16),
        "highway_10_w32_mnist": _mnist(32),
        "highway_19_cifar10": _cifar(10),
        "highway_19_cifar100": _cifar(100),
    },
    facts=(
        Fact("highway_10_fc_mnist", "params", "5000", SRIVASTAVA2015, "Sec. 3.1", part=_PER_LAYER),
        Fact("plain_10_fc_mnist", "params", "5000", SRIVASTAVA2015, "Sec. 3.1", part=_PER_LAYER),
        Fact("highway_10_w16_mnist", "params", "39e3", SRIVASTAVA2015, "Table 1"),
        Fact("highway_10_w16_mnist", "layers", "10", SRIVASTAVA2015, "Table 1"),
        Fact("highway_10_w32_mnist", "params", "151e3", SRIVASTAVA2015, "Table 1"),
        Fact("highway_10_w32_mnist", "layers", "10", SRIVASTAVA2015, "Table 1"),
        Fact("highway_10_w32_mnist", "params", "151690", SRIVASTAVA2015_CODE, _MNIST_LOG),
        Fact("highway_19_cifar100", "params", "2265928", SRIVASTAVA2015_CODE, _CIFAR_LOG),
        Fact("highway_19_cifar100", "layers", "19", SRIVASTAVA2015_CODE, "cifar100-19layers"),
    ),
    widths=(0.5, 1.0),
)
