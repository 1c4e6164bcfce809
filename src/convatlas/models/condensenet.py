"""CondenseNet: dense connections to everything before, of which training prunes most.

Every 1x1 convolution starts dense and gives up inputs while it trains, each group of its filters
other ones (learned group convolution). What is left runs as a selection of channels and an
ordinary group convolution. Layers read all maps of all blocks, pooled where the grid is smaller,
and the growth rate doubles per block, since late features are used most.

Paper: Huang et al., CVPR 2018 (arXiv:1711.09224): layer Fig. 1, blocks Fig. 4, Tables 1 to 6.
Departs from the paper: nothing. A net exists in two forms: as it trains (`condensenet86`: masks,
stages, group lasso) and as it runs (`condensenet86_condensed`: index layers and group
convolutions), and `condense` makes the second from the first. The printed sizes are the second's.
The light nets keep the growth rate and halve the channels between blocks by a learned group
convolution (the authors' densenet_LGC file).
Common elsewhere: pytorchcv's `condensenet74_c4_g4` is the running form only, whose indices are zero
until weights are loaded, so it cannot be trained; libraries have no training form.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import HUANG2018
from convatlas.layers import (
    ChannelShuffle,
    LearnedGroupConv,
    SelectChannels,
    check_groups,
    he_normal,
    scale_channels,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class CondenseNetSpec(Spec):
    """A net of the paper's tables, in one of its two forms."""

    input_side: int = 32
    num_classes: int = 10
    depths: tuple[int, ...] = (14, 14, 14)  # layers per block
    growth_rates: tuple[int, ...] = (8, 16, 32)  # k per block
    groups: int = 4  # G of the learned group convolutions and of the 3x3
    condensation: int = 4  # C: a group ends up reading 1/C of its inputs
    stem_stride: int = 1
    halving: bool = False  # True: learned 1x1 convolutions halve the channels between blocks
    halve_classifier: bool = False  # True: half of its inputs are given up too
    condensed: bool = False  # True: the form that runs


class LearnedUnit(nn.Module):
    """Batch norm, ReLU, learned group convolution: the form that trains."""

    def __init__(self, spec: CondenseNetSpec, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = LearnedGroupConv(
            in_channels, out_channels, groups=spec.groups, condensation=spec.condensation
        )

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """The convolution of the normalised, rectified `x`."""
        return self.conv(self.relu(self.norm(x)))


class CondensedUnit(nn.Module):
    """Index layer, batch norm, ReLU, group convolution: the form that runs.

    Its filters lie group after group; a shuffle behind it brings them into the learned order.
    """

    def __init__(self, spec: CondenseNetSpec, in_channels: int, out_channels: int) -> None:
        super().__init__()
        check_groups(spec.condensation, channels=in_channels, name="condensation")
        self.select = _spread(in_channels, spec.groups, spec.condensation)
        channels = self.select.out_channels
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(channels, out_channels, 1, groups=spec.groups, bias=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """What the learned unit gives, from the inputs that it kept, group after group."""
        return self.conv(self.relu(self.norm(self.select(x))))


class DenseLayer(nn.Module):
    """What came in, and k new maps: learned 1x1 to 4k, then a 3x3 in groups (Fig. 1).

    In the form that runs, the shuffle stands behind batch norm and ReLU, which then belong to the
    convolution before them.
    """

    def __init__(self, spec: CondenseNetSpec, in_channels: int, growth_rate: int) -> None:
        super().__init__()
        wide = 4 * growth_rate
        self.learned = _unit(spec, in_channels, wide)
        grow: OrderedDict[str, nn.Module] = OrderedDict()
        grow["norm"] = nn.BatchNorm2d(wide)
        grow["relu"] = nn.ReLU(inplace=True)
        if spec.condensed:
            grow["shuffle"] = ChannelShuffle(spec.groups)
        grow["conv"] = nn.Conv2d(wide, growth_rate, 3, padding=1, groups=spec.groups, bias=False)
        self.grow = nn.Sequential(grow)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h w"]:
        """`x` with k more channels."""
        return torch.cat([x, self.grow(self.learned(x))], dim=1)


class CondenseNet(nn.Module):
    """Stem, blocks with average pools between them, global average, classifier."""

    def __init__(self, spec: CondenseNetSpec) -> None:
        super().__init__()
        self.spec = _buildable(spec)
        step = math.lcm(spec.groups, spec.condensation)
        rates = [scale_channels(k, spec.width_multiplier, divisor=step) for k in spec.growth_rates]
        channels = 2 * rates[0]
        self.stem = nn.Conv2d(
            spec.in_channels, channels, 3, stride=spec.stem_stride, padding=1, bias=False
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (depth, rate) in enumerate(zip(spec.depths, rates, strict=True), start=1):
            if number > 1:
                stages[f"transition{number - 1}"], channels = _transition(spec, channels)
            layers = [DenseLayer(spec, channels + i * rate, rate) for i in range(depth)]
            stages[f"block{number}"] = nn.Sequential(*layers)
            channels += depth * rate
        self.stages = nn.Sequential(stages)
        self.pool = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm2d(channels),
                relu=nn.ReLU(inplace=True),
                average=nn.AdaptiveAvgPool2d(1),
            )
        )
        self.classifier = _classifier(spec, channels)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))))

    def deployed(self) -> "CondenseNet":
        """The form that runs, which is what a file for another runtime holds."""
        return self if self.spec.condensed else condense(self)


def condense(net: CondenseNet) -> CondenseNet:
    """The form that runs, of a net as it trains: equal outputs, a fraction of the 1x1 weights.

    What has not been given up yet is given up now, by the weights as they are; so an untrained net
    condenses too. `net` is left as it was.

    Raises:
        UserError: if `net` is in that form already.
    """
    if net.spec.condensed:
        raise UserError("This net is condensed already. Condense the form that trains.")
    state = {name: value.clone() for name, value in net.state_dict().items()}
    trained = CondenseNet(net.spec)
    trained.load_state_dict(state)
    made = CondenseNet(replace(net.spec, condensed=True)).train(net.training)
    for name, module in trained.named_modules():
        if isinstance(module, LearnedGroupConv):
            module.advance(1.0)
            _rewrite(state, name.rpartition(".")[0], module)
    made.load_state_dict(state)
    return made


def _rewrite(state: dict[str, Tensor], unit: str, conv: LearnedGroupConv) -> None:
    """Replace a learned convolution's part of a state by that of the form that runs."""
    kept = conv.kept().flatten()
    for name in ("mask", "stage"):
        del state[f"{unit}.conv.{name}"]
    state[f"{unit}.select.indices"] = kept
    state[f"{unit}.conv.weight"] = conv.grouped_weight().detach()
    _take(state, f"{unit}.norm", kept)
    if unit.endswith(".learned"):
        per_group = torch.arange(conv.out_channels).view(-1, conv.filter_groups).T
        _take(state, f"{unit.removesuffix('.learned')}.grow.norm", per_group.flatten())


def _take(state: dict[str, Tensor], norm: str, channels: Tensor) -> None:
    """Give a batch norm, where there is one, these channels of it."""
    for name in ("weight", "bias", "running_mean", "running_var"):
        if f"{norm}.{name}" in state:
            state[f"{norm}.{name}"] = state[f"{norm}.{name}"][channels]


def _buildable(spec: CondenseNetSpec) -> CondenseNetSpec:
    if len(spec.depths) != len(spec.growth_rates):
        raise UserError(
            f"depths={spec.depths} and growth_rates={spec.growth_rates} differ in length. "
            "Give one growth rate per block."
        )
    least = spec.stem_stride * 2 ** (len(spec.depths) - 1)
    if spec.input_side < least:
        raise UserError(
            f"input_side={spec.input_side} is too small for {len(spec.depths)} blocks behind a "
            f"stem of stride {spec.stem_stride}. Use {least} or more."
        )
    return spec


def _unit(spec: CondenseNetSpec, in_channels: int, out_channels: int) -> nn.Module:
    kind = CondensedUnit if spec.condensed else LearnedUnit
    return kind(spec, in_channels, out_channels)


def _transition(spec: CondenseNetSpec, channels: int) -> tuple[nn.Module, int]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if spec.halving:
        step = math.lcm(spec.groups, spec.condensation)
        kept = max(step, channels // 2 // step * step)
        layers["learned"], channels = _unit(spec, channels, kept), kept
        if spec.condensed:
            layers["shuffle"] = ChannelShuffle(spec.groups)
    layers["pool"] = nn.AvgPool2d(2)
    return nn.Sequential(layers), channels


def _classifier(spec: CondenseNetSpec, channels: int) -> nn.Module:
    """Linear, on half of the features: one group that condenses by 2."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if not spec.halve_classifier:
        layers["conv"] = nn.Conv2d(channels, spec.num_classes, 1)
    elif spec.condensed:
        layers["select"] = _spread(channels, 1, 2)
        layers["conv"] = nn.Conv2d(channels // 2, spec.num_classes, 1)
    else:
        layers["conv"] = LearnedGroupConv(
            channels, spec.num_classes, groups=1, condensation=2, bias=True
        )
    layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)


def _spread(channels: int, groups: int, condensation: int) -> SelectChannels:
    """Before anything is learned, group g reads every C-th channel from channel g on."""
    chosen = [
        channel
        for group in range(groups)
        for channel in range(group % condensation, channels, condensation)
    ]
    return SelectChannels(chosen, in_channels=channels)


_SMALL = {"50": 8, "74": 12, "86": 14, "98": 16, "110": 18, "122": 20}  # layers per block
_LIGHT = {"94": (15, 16), "160": (26, 32)}  # layers per block, growth rate
_PARAMS = {
    "50": "0.22e6",
    "74": "0.41e6",
    "86": "0.52e6",
    "98": "0.65e6",
    "110": "0.79e6",
    "122": "0.95e6",
    "182": "4.2e6",
}


_OPERATIONS = {
    "50": "28.6e6",
    "74": "51.9e6",
    "86": "65.8e6",
    "98": "81.3e6",
    "110": "98.2e6",
    "122": "116.7e6",
    "182": "513e6",
    "74_imagenet_g4": "529e6",
    "74_imagenet_g8": "274e6",
}


def _imagenet(groups: int) -> CondenseNetSpec:
    return CondenseNetSpec(
        input_side=224,
        num_classes=1000,
        depths=(4, 6, 8, 10, 8),
        growth_rates=(8, 16, 32, 64, 128),
        groups=groups,
        condensation=groups,
        stem_stride=2,
        halve_classifier=True,
    )


_TRAINING = {
    **{f"condensenet{n}": CondenseNetSpec(depths=(depth,) * 3) for n, depth in _SMALL.items()},
    "condensenet182": CondenseNetSpec(depths=(30, 30, 30), growth_rates=(12, 24, 48)),
    **{
        f"condensenet_light{n}": CondenseNetSpec(
            depths=(depth,) * 3, growth_rates=(rate,) * 3, halving=True
        )
        for n, (depth, rate) in _LIGHT.items()
    },
    "condensenet74_imagenet_g4": _imagenet(4),
    "condensenet74_imagenet_g8": _imagenet(8),
}
FAMILY = Family(
    name="condensenet",
    title="CondenseNet",
    paper=HUANG2018,
    build=CondenseNet,
    variants={
        **_TRAINING,
        **{f"{name}_condensed": replace(spec, condensed=True) for name, spec in _TRAINING.items()},
    },
    facts=(
        *(
            Fact(f"condensenet{n}_condensed", "params", printed, HUANG2018, "Tables 1 and 2")
            for n, printed in _PARAMS.items()
        ),
        Fact("condensenet74_imagenet_g4_condensed", "params", "4.8e6", HUANG2018, "Table 4"),
        Fact("condensenet74_imagenet_g8_condensed", "params", "2.9e6", HUANG2018, "Table 4"),
        *(
            Fact(
                f"condensenet{n}_condensed",
                "mult_adds",
                printed,
                HUANG2018,
                "Tables 1, 2 and 4",
                convention="condensenet",
            )
            for n, printed in _OPERATIONS.items()
        ),
    ),
    widths=(0.5, 1.0, 2.0),
)
