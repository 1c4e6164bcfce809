"""BN-Inception (Inception v2): GoogLeNet with batch norm and two 3x3 in place of the 5x5.

Batch norm after every convolution lets the net train at many times the learning rate. Two 3x3
convolutions see what a 5x5 sees with fewer weights. Modules 3c and 4e halve the side by strides in
their own branches, so no pool stands between modules.

Paper: Ioffe and Szegedy, ICML 2015 (arXiv:1502.03167): table in the appendix (Fig. 5).
Departs from the paper: in 4c and 4d, where the table contradicts itself. It prints a projection of
128 channels after the pool and 576 channels for the output; with the other branches' widths that
makes 608. `bn_inception` reads 96 and 576, as the authors' TF-slim release does, so that 4e gives
the 1024 channels that are printed; `bn_inception_caffe` reads 128 and 608. The first layer is
separable with depth multiplier 8, as the appendix says. Paddings, which the paper does not give,
are those of the caffe port: pools round their sides up and their averages count the padding. The
text counts 13.6 M parameters; the table has 11.2 M under either reading, and what the rest is
remains unknown.
Common elsewhere: `bn_inception_caffe` is the caffe port, with an ordinary 7x7 first and 608
channels in 4c and 4d. Its convolutions have no bias here (11,285,224 parameters, as in SENet's
release without its gates); pytorchcv's `bninception` gives each a bias that batch norm takes out
again (11,295,240).

`se_bn_inception` is the caffe reading with squeeze and excitation after every module, as Hu et al.,
CVPR 2018 (arXiv:1709.01507) released it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.facts.papers import HU2018
from convatlas.layers import (
    ConvNorm,
    Parallel,
    he_normal,
    in_turn,
    scale_channels,
    squeeze_excite,
)
from convatlas.models._family import Family, Spec, one_of

Row = tuple[int, int, int, int, int, Literal["avg", "max"], int]
DEPTH_MULTIPLIER = 8  # of a separable first layer


def _table(projection: int) -> tuple[tuple[Row, ...], ...]:
    """Fig. 5, with what 4c and 4d project their pool to."""
    return (
        (
            (64, 64, 64, 64, 96, "avg", 32),
            (64, 64, 96, 64, 96, "avg", 64),
            (0, 128, 160, 64, 96, "max", 0),
        ),
        (
            (224, 64, 96, 96, 128, "avg", 128),
            (192, 96, 128, 96, 128, "avg", 128),
            (160, 128, 160, 128, 160, "avg", projection),
            (96, 128, 192, 160, 192, "avg", projection),
            (0, 128, 192, 192, 256, "max", 0),
        ),
        ((352, 192, 320, 160, 224, "avg", 128), (352, 192, 320, 192, 224, "max", 128)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BNInceptionSpec(Spec):
    """Fig. 5."""

    # columns #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool, projection of 3a-3c,
    # 4a-4e, 5a-5b; projection 0: stride 2, and the pool's channels pass through
    modules: tuple[tuple[Row, ...], ...] = _table(96)
    stem: Literal["separable", "7x7"] = "separable"  # the first layer
    se_reduction: int | None = None  # r; None: no squeeze and excitation


class BNInception(nn.Module):
    """Stem, ten modules, global average, linear classifier."""

    def __init__(self, spec: BNInceptionSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        self.stem = _stem(spec)
        channels = scale_channels(192, spec.width_multiplier)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for name, row in _rows(spec):
            branches, channels = _module(channels, row)
            stages[f"inception_{name}"] = _gated(spec, branches, channels)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _require_buildable(spec: BNInceptionSpec) -> None:
    """3c and 4e join a convolution that rounds up with a pool that rounds down."""
    one_of("stem", spec.stem, ("separable", "7x7"))
    side = (spec.input_side + 1) // 2 // 4
    if side == 0 or side % 4:
        raise UserError(
            f"input_side={spec.input_side} leaves {side} pixels for module 3a; 3c and 4e halve "
            f"them without a rest. Use a multiple of 32."
        )


def _rows(spec: BNInceptionSpec) -> Iterator[tuple[str, Row]]:
    """Modules with their names, widths scaled."""
    for number, rows in enumerate(spec.modules, start=3):
        for letter, (*widths, pool, projection) in zip("abcdefgh", rows, strict=False):
            c1, r3, c3, rd, cd, p = (
                scale_channels(c, spec.width_multiplier) if c else 0 for c in (*widths, projection)
            )
            yield f"{number}{letter}", (c1, r3, c3, rd, cd, pool, p)


def _stem(spec: BNInceptionSpec) -> nn.Sequential:
    narrow, wide = (scale_channels(c, spec.width_multiplier) for c in (64, 192))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if spec.stem == "7x7":
        layers["conv1"] = _conv(spec.in_channels, narrow, 7, 2)
    else:
        deep = DEPTH_MULTIPLIER * spec.in_channels
        layers["depthwise"] = nn.Conv2d(
            spec.in_channels, deep, 7, stride=2, padding=3, groups=spec.in_channels, bias=False
        )
        layers["conv1"] = _conv(deep, narrow, 1)
    layers["pool1"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    layers["conv2"] = in_turn(reduce=_conv(narrow, narrow, 1), conv=_conv(narrow, wide, 3))
    layers["pool2"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return nn.Sequential(layers)


def _module(in_channels: int, row: Row) -> tuple[nn.Module, int]:
    """One row of the table, and the channels it gives."""
    c1, reduce3, c3, reduce_double, double, pool, projection = row
    stride = 1 if projection else 2
    branches: OrderedDict[str, nn.Module] = OrderedDict()
    if c1:
        branches["conv1x1"] = _conv(in_channels, c1, 1)
    branches["conv3x3"] = in_turn(
        reduce=_conv(in_channels, reduce3, 1), conv=_conv(reduce3, c3, 3, stride)
    )
    branches["double3x3"] = in_turn(
        reduce=_conv(in_channels, reduce_double, 1),
        first=_conv(reduce_double, double, 3),
        second=_conv(double, double, 3, stride),
    )
    if projection:
        window: nn.Module = (
            nn.AvgPool2d(3, stride=1, padding=1)
            if pool == "avg"
            else nn.MaxPool2d(3, stride=1, padding=1)
        )
        branches["pool"] = in_turn(pool=window, project=_conv(in_channels, projection, 1))
    else:
        branches["pool"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return Parallel(branches), c1 + c3 + double + (projection or in_channels)


def _gated(spec: BNInceptionSpec, branches: nn.Module, channels: int) -> nn.Module:
    if spec.se_reduction is None:
        return branches
    return in_turn(concat=branches, gate=squeeze_excite(channels, spec.se_reduction))


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Module:
    return ConvNorm(
        in_channels, out_channels, kernel_size, stride=stride, activation=nn.ReLU(inplace=True)
    )


IOFFE2015 = Paper(
    "Ioffe2015",
    "Batch normalization: Accelerating deep network training by reducing internal covariate shift",
    "ICML 2015",
    "arXiv:1502.03167",
)
_BEFORE_THE_STRIDE = "rows of stride 2 print the side that comes in; 4a and 5a print what comes out"
_FIG_5 = (
    # module, output side, channels; the depth is 3 everywhere
    ("3a", "28", "256"),
    ("3b", "28", "320"),
    ("3c", "28", "576"),
    ("4a", "14", "576"),
    ("4b", "14", "576"),
    ("4c", "14", "576"),
    ("4d", "14", "576"),
    ("4e", "14", "1024"),
    ("5a", "7", "1024"),
    ("5b", "7", "1024"),
)


def _fig_5() -> Iterator[Fact]:
    fact = partial(Fact, "bn_inception", paper=IOFFE2015, where="Fig. 5")
    for module, side, channels in _FIG_5:
        part = f"stages.inception_{module}"
        because = _BEFORE_THE_STRIDE if module in ("3c", "4e") else ""
        yield fact("side", side, part=part, because=because)
        yield fact("channels", channels, part=part)
        yield fact("layers", "3", part=part)


FAMILY = Family(
    name="bn_inception",
    title="BN-Inception (Inception v2)",
    paper=IOFFE2015,
    build=BNInception,
    variants={
        "bn_inception": BNInceptionSpec(),
        "bn_inception_caffe": BNInceptionSpec(modules=_table(128), stem="7x7"),
        "se_bn_inception": BNInceptionSpec(modules=_table(128), stem="7x7", se_reduction=16),
    },
    facts=(
        *_fig_5(),
        Fact("bn_inception_caffe", "mult_adds", "2.03e9", HU2018, "Table 2, re-implementation"),
        Fact(
            "se_bn_inception",
            "mult_adds",
            "2.04e9",
            HU2018,
            "Table 2",
            "counts an operation per element for the averages and the products of the gates too",
        ),
    ),
    widths=(0.25, 0.5, 1.0),
)
