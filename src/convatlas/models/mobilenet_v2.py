"""MobileNet v2: residual blocks that are wide inside and narrow between.

A block expands its few channels with a 1x1 convolution, filters the wide tensor depthwise, and
projects it back to few channels without an activation, because ReLU would destroy what a narrow
tensor holds ("linear bottleneck"). The shortcut joins the narrow ends.

Paper: Sandler et al., CVPR 2018 (arXiv:1801.04381): block Table 1 and Fig. 4d, net Table 2.
Departs from the paper: nothing. Widths are rounded to multiples of 8, and below width 1 the last
1x1 convolution keeps its 1280 channels, as Section 6.1 and the authors' released code have it.
Common elsewhere: dropout 0.2 before the classifier; a 1x1 convolution also in the block with
expansion 1 (313.6 M mult-adds); 1001 classes.

Fig. 6 compares `mobilenet_v2_nonlinear_bottleneck` (ReLU6 behind the projections) and
`mobilenet_v2_no_shortcut`, and `mobilenet_v2_expansion_shortcut`: the same convolutions, the
shortcuts between their wide ends, where shapes agree.

`mobilenet_v2_small` is no net of the paper: for images of 8 to 64 pixels its stem keeps the
resolution, two strides are left, and its last convolution has 320 channels and follows the width.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.facts import Fact, Paper
from convatlas.facts.papers import SANDLER2018
from convatlas.layers import ConvNorm, he_normal, scale_channels
from convatlas.models._family import Family, Spec, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV2Spec(Spec):
    """Table 2."""

    stem_channels: int = 32
    stem_stride: int = 2
    # rows of Table 2: t expansion, c output channels, n blocks, s stride of the first block
    bottlenecks: tuple[tuple[int, int, int, int], ...] = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    last_channels: int = 1280  # of the 1x1 convolution before the pool
    narrow_last: bool = False  # True: the last convolution follows widths below 1 as well
    # Fig. 6: the ablations
    linear_bottleneck: bool = True  # False: ReLU6 behind the projection too
    shortcut: Literal["bottleneck", "expansion", "none"] = "bottleneck"  # what it joins


class InvertedResidual(nn.Module):
    """Table 1: 1x1 expand, 3x3 per channel, linear 1x1 project; a shortcut when shapes agree.

    With expansion 1 there is nothing to expand and no first convolution.
    """

    def __init__(
        self,
        spec: MobileNetV2Spec,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
    ) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.expand = _expand(in_channels, wide)
        self.depthwise = _depthwise(wide, stride)
        self.project = _project(spec, wide, out_channels)
        same = stride == 1 and in_channels == out_channels
        self.residual = same and spec.shortcut == "bottleneck"

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The projection, added to `x` where shapes agree."""
        f = self.project(self.depthwise(self.expand(x)))
        return x + f if self.residual else f


class WideResidual(nn.Module):
    """Fig. 6b: 3x3 per channel, project, expand; the shortcut joins the wide ends."""

    def __init__(
        self,
        spec: MobileNetV2Spec,
        wide_in: int,
        narrow: int,
        wide_out: int,
        *,
        stride: int,
    ) -> None:
        super().__init__()
        self.depthwise = _depthwise(wide_in, stride)
        self.project = _project(spec, wide_in, narrow)
        self.expand = _expand(narrow, wide_out)
        self.residual = stride == 1 and wide_in == wide_out

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The expansion, added to `x` where shapes agree."""
        f = self.expand(self.project(self.depthwise(x)))
        return x + f if self.residual else f


class MobileNetV2(nn.Module):
    """Stem, seven groups of bottlenecks, a last 1x1, global average, linear classifier."""

    def __init__(self, spec: MobileNetV2Spec) -> None:
        super().__init__()
        channels = scale_channels(spec.stem_channels, spec.width_multiplier)
        self.stem = ConvNorm(
            spec.in_channels,
            channels,
            3,
            stride=spec.stem_stride,
            activation=nn.ReLU6(inplace=True),
        )
        one_of("shortcut", spec.shortcut, ("bottleneck", "expansion", "none"))
        rows = _rows(spec, channels)
        make = _wide_stages if spec.shortcut == "expansion" else _stages
        stages = make(spec, rows)
        channels = rows[-1].narrow
        last = scale_channels(spec.last_channels, _last_multiplier(spec))
        stages["last"] = ConvNorm(channels, last, 1, activation=nn.ReLU6(inplace=True))
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


class _Row(NamedTuple):
    """A block: its stage's number, channels in, inside and out, expansion and stride."""

    number: int
    channels: int
    wide: int
    narrow: int
    expansion: int
    stride: int


def _rows(spec: MobileNetV2Spec, channels: int) -> list[_Row]:
    rows = []
    for number, (t, c, n, s) in enumerate(spec.bottlenecks, start=1):
        width = scale_channels(c, spec.width_multiplier)
        for block in range(n):
            stride = s if block == 0 else 1
            rows.append(_Row(number, channels, t * channels, width, t, stride))
            channels = width
    return rows


def _stages(spec: MobileNetV2Spec, rows: Sequence[_Row]) -> OrderedDict[str, nn.Module]:
    blocks: dict[str, list[nn.Module]] = {}
    for row in rows:
        block = InvertedResidual(
            spec, row.channels, row.narrow, expansion=row.expansion, stride=row.stride
        )
        blocks.setdefault(f"bottleneck{row.number}", []).append(block)
    return OrderedDict((name, nn.Sequential(*found)) for name, found in blocks.items())


def _wide_stages(spec: MobileNetV2Spec, rows: Sequence[_Row]) -> OrderedDict[str, nn.Module]:
    """The same convolutions, cut where they are wide; a block belongs to its filter's stage."""
    blocks: dict[str, list[nn.Module]] = {}
    first = rows[0]
    if first.expansion != 1:
        blocks["expand"] = [_expand(first.channels, first.wide)]
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        wide = row.narrow if after is None else after.wide
        block = WideResidual(spec, row.wide, row.narrow, wide, stride=row.stride)
        blocks.setdefault(f"bottleneck{row.number}", []).append(block)
    return OrderedDict((name, nn.Sequential(*found)) for name, found in blocks.items())


def _expand(channels: int, wide: int) -> nn.Module:
    """Nothing at all where there is nothing to expand."""
    if channels == wide:
        return nn.Identity()
    return ConvNorm(channels, wide, 1, activation=nn.ReLU6(inplace=True))


def _depthwise(channels: int, stride: int) -> ConvNorm:
    return ConvNorm(
        channels, channels, 3, stride=stride, groups=channels, activation=nn.ReLU6(inplace=True)
    )


def _project(spec: MobileNetV2Spec, wide: int, narrow: int) -> ConvNorm:
    activation = None if spec.linear_bottleneck else nn.ReLU6(inplace=True)
    return ConvNorm(wide, narrow, 1, activation=activation)


def _last_multiplier(spec: MobileNetV2Spec) -> float:
    return spec.width_multiplier if spec.narrow_last else max(1.0, spec.width_multiplier)


RELEASE2018 = Paper(
    "MobileNet-v2-release",
    "Mobilenet V2 ImageNet checkpoints",
    "tensorflow/models, research/slim/nets/mobilenet/README.md",
    "https://github.com/tensorflow/models",
)
_NO_NORM = "leaves out batch norm's scale and shift"
_PAPER_FACTS = (
    Fact("mobilenet_v2", "mult_adds", "300e6", SANDLER2018, "Table 4"),
    Fact(
        "mobilenet_v2",
        "params",
        "3.4e6",
        SANDLER2018,
        "Table 4",
        f"{_NO_NORM}: 3.471 M, cut to two digits",
    ),
    Fact(
        "mobilenet_v2_w140",
        "mult_adds",
        "585e6",
        SANDLER2018,
        "Table 4",
        "the authors' own release prints 582, which is the count; no rounding of the channels "
        "gives 585 (cut 562, nearest 572, multiples of 4 569, of 8 582, of 16 547)",
    ),
    Fact(
        "mobilenet_v2_w140",
        "params",
        "6.9e6",
        SANDLER2018,
        "Table 4",
        "the authors' own release prints 6.06, which is the count without batch norm; 6.9 is "
        "3.5 x 1.4^2, as if the classifier's 1000 outputs grew with the width",
    ),
)
# Rows of the release: side 224, 192, 160, 128, 96
_RELEASE_MULT_ADDS = {
    "mobilenet_v2_w140": ("582e6",),
    "mobilenet_v2_w130": ("509e6",),
    "mobilenet_v2": ("300e6", "221e6", "154e6", "99e6", "56e6"),
    "mobilenet_v2_w075": ("209e6", "153e6", "107e6", "69e6", "39e6"),
    "mobilenet_v2_w050": ("97e6", "71e6", "50e6", "32e6", "18e6"),
    "mobilenet_v2_w035": ("59e6", "43e6", "30e6", "20e6", "11e6"),
}
_RELEASE_PARAMS = {
    "mobilenet_v2_w140": "6.06e6",
    "mobilenet_v2_w130": "5.34e6",
    "mobilenet_v2": "3.47e6",
    "mobilenet_v2_w075": "2.61e6",
    "mobilenet_v2_w050": "1.95e6",
    "mobilenet_v2_w035": "1.66e6",
}
_RELEASE_FACTS = tuple(
    Fact(variant, "mult_adds", printed, RELEASE2018, "checkpoint table", input_side=side)
    for variant, row in _RELEASE_MULT_ADDS.items()
    for side, printed in zip((224, 192, 160, 128, 96), row, strict=False)
) + tuple(
    Fact(variant, "params", printed, RELEASE2018, "checkpoint table", _NO_NORM)
    for variant, printed in _RELEASE_PARAMS.items()
)
FAMILY = Family(
    name="mobilenet_v2",
    title="MobileNet v2",
    paper=SANDLER2018,
    build=MobileNetV2,
    variants={
        "mobilenet_v2": MobileNetV2Spec(),
        "mobilenet_v2_w140": MobileNetV2Spec(width_multiplier=1.4),
        "mobilenet_v2_w130": MobileNetV2Spec(width_multiplier=1.3),
        "mobilenet_v2_w075": MobileNetV2Spec(width_multiplier=0.75),
        "mobilenet_v2_w050": MobileNetV2Spec(width_multiplier=0.5),
        "mobilenet_v2_w035": MobileNetV2Spec(width_multiplier=0.35),
        "mobilenet_v2_nonlinear_bottleneck": MobileNetV2Spec(linear_bottleneck=False),
        "mobilenet_v2_expansion_shortcut": MobileNetV2Spec(shortcut="expansion"),
        "mobilenet_v2_no_shortcut": MobileNetV2Spec(shortcut="none"),
        "mobilenet_v2_small": MobileNetV2Spec(
            input_side=32,
            num_classes=10,
            stem_channels=16,
            stem_stride=1,
            bottlenecks=((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 2, 1)),
            last_channels=320,
            narrow_last=True,
        ),
    },
    facts=_PAPER_FACTS + _RELEASE_FACTS,
    widths=(0.25, 0.5, 1.0),
    offered=("mobilenet_v2", "mobilenet_v2_small"),
)
