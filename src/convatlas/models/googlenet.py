"""GoogLeNet (Inception v1): filters of several sizes side by side, made affordable by 1x1s.

An Inception module runs a 1x1, a 3x3, a 5x5 and a 3x3 max pool on the same map and concatenates
what they give. A 1x1 convolution before the 3x3 and the 5x5 and one after the pool keep the
channels few. Two classifiers on modules 4a and 4d help to train it and are dropped afterwards.

Paper: Szegedy et al., CVPR 2015 (arXiv:1409.4842): modules Fig. 2, net Table 1, heads Sec. 5.
Departs from the paper: nothing that is stated. The paper gives neither the constants of the
response normalisation nor how weights start: the constants are those of BVLC's caffe port (5
channels, alpha 1e-4, beta 0.75, k 1), and weights start by Glorot's rule with biases 0. Pools
round their sides up, as 112, 56, 28, 14, 7 needs. The params column of Table 1 counts in units of
1024. Of modules 4a to 4e and 5b it prints 364, 437, 463, 580, 840 and 1388 K where the row's own
widths give 366.8, 438, 497.5, 590.5, 847 and 1409; the ops column follows from the widths. On
images that do not leave 14 to 16 pixels for 4a, the heads pool to the 4x4 of the paper.
Common elsewhere: torchvision's `googlenet` is `googlenet_3x3` here. It has a 3x3 where the paper
has the 5x5, batch norm, no response normalisation, a 2x2 pool before 5a and heads that pool
adaptively: 6,624,904 parameters, 13,004,888 with its heads, where the paper's net has 6,998,552
and 13,378,280.

`googlenet_naive` is Fig. 2a's module under Table 1's widths: no 1x1 before the 3x3 and the 5x5, and
the pool's channels pass through, so that every module adds its widths to what came in: 416, 832,
1280, ... 4944 channels. `se_inception` has squeeze and excitation after every concatenation, as
Fig. 2 of Hu et al., CVPR 2018 (arXiv:1709.01507) draws it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from string import ascii_lowercase
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import (
    ConvNorm,
    Parallel,
    he_normal,
    in_turn,
    scale_channels,
    squeeze_excite,
    through_heads,
    xavier_uniform,
)
from convatlas.models._family import Family, Spec, one_of

HEADS_AFTER = ("inception_4a", "inception_4d")
SMALLEST_SIDE = 31  # leaves one pixel for 5a


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogLeNetSpec(Spec):
    """Table 1."""

    # columns #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj of 3a-3b, 4a-4e, 5a-5b
    modules: tuple[tuple[tuple[int, ...], ...], ...] = (
        ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
        (
            (192, 96, 208, 16, 48, 64),
            (160, 112, 224, 24, 64, 64),
            (128, 128, 256, 24, 64, 64),
            (112, 144, 288, 32, 64, 64),
            (256, 160, 320, 32, 128, 128),
        ),
        ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
    )
    reductions: bool = True  # False: the naive module of Fig. 2a
    wide_kernel: int = 5  # of the third branch
    normalisation: Literal["local_response", "batch"] = "local_response"
    last_pool: int = 3  # window of the pool before 5a
    se_reduction: int | None = None  # r; None: no squeeze and excitation
    dropout: float = 0.4
    aux: bool = True  # heads on 4a and 4d
    aux_pool: Literal["strided", "adaptive"] = "strided"  # 5x5 at stride 3, or to 4x4


class GoogLeNet(nn.Module):
    """Stem, nine modules with a pool before 4a and before 5a, global average, classifier."""

    def __init__(self, spec: GoogLeNetSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        self.stem = _stem(spec)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 0
        for name, in_channels, widths, channels in _modules(spec):
            if name in ("inception_4a", "inception_5a"):
                window = spec.last_pool if name == "inception_5a" else 3
                stages[f"pool{int(name[-2]) - 1}"] = nn.MaxPool2d(window, stride=2, ceil_mode=True)
            stages[name] = _module(spec, in_channels, widths, channels)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = in_turn(
            dropout=nn.Dropout(spec.dropout), linear=nn.Linear(channels, spec.num_classes)
        )
        self.apply(_start(spec))

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


class GoogLeNetWithHeads(GoogLeNet):
    """As it is trained: two classifiers read what 4a and 4d give."""

    def __init__(self, spec: GoogLeNetSpec) -> None:
        super().__init__(spec)
        self.aux = nn.ModuleDict(
            {name: _head(spec, out) for name, _, _, out in _modules(spec) if name in HEADS_AFTER}
        )
        self.aux.apply(_start(spec))

    def forward_with_aux(
        self, images: Float[Tensor, "n c h w"]
    ) -> tuple[Float[Tensor, "n k"], list[Float[Tensor, "n k"]]]:
        """Logits of `images`, and those of the heads on 4a and 4d."""
        x, heads = through_heads(self.stages, self.aux, self.stem(images))
        return self.classifier(self.pool(x).flatten(1)), heads


def _build(spec: GoogLeNetSpec) -> GoogLeNet:
    return GoogLeNetWithHeads(spec) if spec.aux else GoogLeNet(spec)


def _require_buildable(spec: GoogLeNetSpec) -> None:
    one_of("wide_kernel", spec.wide_kernel, (3, 5))
    one_of("normalisation", spec.normalisation, ("local_response", "batch"))
    one_of("last_pool", spec.last_pool, (2, 3))
    one_of("aux_pool", spec.aux_pool, ("strided", "adaptive"))
    if spec.input_side < SMALLEST_SIDE:
        raise UserError(
            f"input_side={spec.input_side} leaves module 5a nothing: use {SMALLEST_SIDE} or more."
        )


def _modules(spec: GoogLeNetSpec) -> Iterator[tuple[str, int, tuple[int, ...], int]]:
    """Each module's name, channels it reads, widths by Table 1's columns, channels it gives."""
    channels = scale_channels(192, spec.width_multiplier)
    for number, rows in enumerate(spec.modules, start=3):
        for letter, row in zip(ascii_lowercase, rows, strict=False):
            widths = tuple(scale_channels(c, spec.width_multiplier) for c in row)
            pooled = widths[5] if spec.reductions else channels
            out = widths[0] + widths[2] + widths[4] + pooled
            yield f"inception_{number}{letter}", channels, widths, out
            channels = out


def _stem(spec: GoogLeNetSpec) -> nn.Sequential:
    narrow, wide = (scale_channels(c, spec.width_multiplier) for c in (64, 192))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = _conv(spec, spec.in_channels, narrow, 7, stride=2)
    layers["pool1"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    if spec.normalisation == "local_response":
        layers["norm1"] = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
    layers["conv2"] = _reduced(spec, narrow, narrow, wide, 3)
    if spec.normalisation == "local_response":
        layers["norm2"] = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
    layers["pool2"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return nn.Sequential(layers)


def _module(
    spec: GoogLeNetSpec, in_channels: int, widths: tuple[int, ...], out_channels: int
) -> nn.Module:
    """Fig. 2b, or 2a without reductions; with gates on what comes out where the spec has them."""
    c1, reduce3, c3, reduce5, c5, projection = widths
    branches: OrderedDict[str, nn.Module] = OrderedDict()
    branches["conv1x1"] = _conv(spec, in_channels, c1, 1)
    pool = nn.MaxPool2d(3, stride=1, padding=1)
    if spec.reductions:
        branches["conv3x3"] = _reduced(spec, in_channels, reduce3, c3, 3)
        branches["conv5x5"] = _reduced(spec, in_channels, reduce5, c5, spec.wide_kernel)
        branches["pool"] = in_turn(pool=pool, project=_conv(spec, in_channels, projection, 1))
    else:
        branches["conv3x3"] = _conv(spec, in_channels, c3, 3)
        branches["conv5x5"] = _conv(spec, in_channels, c5, spec.wide_kernel)
        branches["pool"] = pool
    if spec.se_reduction is None:
        return Parallel(branches)
    gate = squeeze_excite(out_channels, spec.se_reduction)
    return in_turn(concat=Parallel(branches), gate=gate)


def _reduced(
    spec: GoogLeNetSpec, in_channels: int, narrow: int, out_channels: int, kernel_size: int
) -> nn.Sequential:
    """A 1x1 to `narrow` channels before the convolution."""
    return in_turn(
        reduce=_conv(spec, in_channels, narrow, 1),
        conv=_conv(spec, narrow, out_channels, kernel_size),
    )


def _conv(
    spec: GoogLeNetSpec, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1
) -> nn.Module:
    relu = nn.ReLU(inplace=True)
    if spec.normalisation == "batch":
        return ConvNorm(
            in_channels, out_channels, kernel_size, stride=stride, eps=1e-3, activation=relu
        )
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2)
    return in_turn(conv=conv, relu=relu)


def _head(spec: GoogLeNetSpec, in_channels: int) -> nn.Sequential:
    """Sec. 5: 5x5 average at stride 3, 1x1, two linear layers with dropout between them."""
    narrow, hidden = (scale_channels(c, spec.width_multiplier) for c in (128, 1024))
    side = (spec.input_side + 1) // 2 // 8  # of 4a and 4d
    strided = spec.aux_pool == "strided" and (side - 5) // 3 + 1 == 4
    return in_turn(
        pool=nn.AvgPool2d(5, stride=3) if strided else nn.AdaptiveAvgPool2d(4),
        reduce=_conv(spec, in_channels, narrow, 1),
        flatten=nn.Flatten(),
        hidden=nn.Linear(narrow * 4 * 4, hidden),
        relu=nn.ReLU(inplace=True),
        dropout=nn.Dropout(0.7),
        linear=nn.Linear(hidden, spec.num_classes),
    )


def _start(spec: GoogLeNetSpec) -> Callable[[nn.Module], None]:
    return he_normal if spec.normalisation == "batch" else xavier_uniform


SZEGEDY2015 = Paper("Szegedy2015", "Going deeper with convolutions", "CVPR 2015", "arXiv:1409.4842")
_SEPARABLE = (
    "these are the figures of a separable 7x7 with depth multiplier 8 (7x7x3x8 + 24x64 = 2,712 "
    "weights and 64 biases, 34.0 M mult-adds), which the authors' next paper (arXiv:1502.03167) "
    "has as its first layer; the 7x7 of this row has 9,472 parameters and 118.0 M"
)
_FROM_928 = (
    "params and ops of this row both fit 928 input channels (1,097,728 weights = 1072 x 1024, "
    "53.8 M mult-adds) in place of the 832 that 4e gives in the row above"
)
_BECAUSE = {"stem.conv1": _SEPARABLE, "stages.inception_5a": _FROM_928}
_TABLE_1 = (
    # part, output side, channels, depth, params in K = 1024, ops in M
    ("stem.conv1", "112", "64", "1", "2.7", "34e6"),
    ("stem.pool1", "56", "64", "", "", ""),
    ("stem.conv2", "56", "192", "2", "112", "360e6"),
    ("stem.pool2", "28", "192", "", "", ""),
    ("stages.inception_3a", "28", "256", "2", "159", "128e6"),
    ("stages.inception_3b", "28", "480", "2", "3.80e2", "304e6"),
    ("stages.pool3", "14", "480", "", "", ""),
    ("stages.inception_4a", "14", "512", "2", "", "73e6"),
    ("stages.inception_4b", "14", "512", "2", "", "88e6"),
    ("stages.inception_4c", "14", "512", "2", "", "100e6"),
    ("stages.inception_4d", "14", "528", "2", "", "119e6"),
    ("stages.inception_4e", "14", "832", "2", "", "170e6"),
    ("stages.pool4", "7", "832", "", "", ""),
    ("stages.inception_5a", "7", "832", "2", "1072", "54e6"),
    ("stages.inception_5b", "7", "1024", "2", "", "71e6"),
    ("pool", "1", "1024", "", "", ""),
    ("classifier", "", "1000", "1", "1.000e3", "1e6"),
)


def _table_1() -> Iterator[Fact]:
    """Table 1, but for six params that do not follow from their row, nobody knows why."""
    fact = partial(Fact, "googlenet", paper=SZEGEDY2015, where="Table 1")
    for part, side, channels, depth, params, ops in _TABLE_1:
        because = _BECAUSE.get(part, "")
        if side:
            yield fact("side", side, part=part)
        yield fact("channels", channels, part=part)
        if depth:
            yield fact("layers", depth, part=part)
            yield fact("mult_adds", ops, part=part, because=because)
        if params:
            yield fact("params", params, part=part, because=because, unit=1024)


FAMILY = Family(
    name="googlenet",
    title="GoogLeNet (Inception v1)",
    paper=SZEGEDY2015,
    build=_build,
    variants={
        "googlenet": GoogLeNetSpec(),
        "googlenet_3x3": GoogLeNetSpec(
            wide_kernel=3, normalisation="batch", last_pool=2, dropout=0.2, aux_pool="adaptive"
        ),
        "googlenet_naive": GoogLeNetSpec(reductions=False),
        "se_inception": GoogLeNetSpec(se_reduction=16),
    },
    facts=(
        Fact("googlenet", "mult_adds", "1.5e9", SZEGEDY2015, "Sec. 1"),
        Fact("googlenet", "layers", "22", SZEGEDY2015, "Sec. 5"),
        *_table_1(),
    ),
    widths=(0.25, 0.5, 1.0),
)
