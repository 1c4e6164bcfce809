"""Inception v4: one kind of Inception module for each of three sides, and modules that halve.

A module reads its input by branches of different reach side by side (1x1, 3x3, two 3x3, a pool)
and joins what they find. Earlier versions tuned every module's widths by hand; here all modules of
one side are equal, and large kernels are split into 1x7 and 7x1, 1x3 and 3x1.

Paper: Szegedy et al., AAAI 2017 (arXiv:1602.07261): schema Fig. 9, stem Fig. 3, modules A, B, C
Figs. 4, 5, 6, reductions Figs. 7, 8 and Table 1.
Departs from the paper: `inception_v4` is the net that the authors released (TF-slim). In three
places (the stem, the long branches of B and C) it has the wide and the tall kernel in the other
order than the figures; `inception_v4_figures` has theirs, with equal parameters and operations.
Fig. 5 prints 1x7 twice in the short branch of B; both nets have 1x7, then 7x1. The paper does not
give batch norm's epsilon: 1e-3 is the release's. The release trains with an auxiliary head behind
the last B module; the paper shows none, and these nets have none.
Common elsewhere: timm's and pytorchcv's nets equal `inception_v4` (42,679,816 parameters).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import conv_chain, he_normal, in_turn, join, scale_channels
from convatlas.models._family import Family, Spec, one_of

Width = Callable[[int], int]  # a layer's channels under the width multiplier
Order = Literal["released", "figures"]  # which of a wide and a tall kernel comes first
LEAST_SIDE = 75  # one pixel is left behind the last reduction
chain = partial(conv_chain, eps=1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InceptionV4Spec(Spec):
    """Fig. 9."""

    input_side: int = 299
    modules: tuple[int, int, int] = (4, 7, 3)  # of A, B and C
    reduction_a: tuple[int, int, int, int] = (192, 224, 256, 384)  # k, l, m, n of Table 1
    order: Order = "released"


class InceptionV4(nn.Module):
    """Stem, modules A, B and C with a reduction between each, global average, classifier."""

    def __init__(self, spec: InceptionV4Spec) -> None:
        super().__init__()
        check_sizes(spec.input_side, spec.modules)
        one_of("order", spec.order, ("released", "figures"))
        w = partial(scale_channels, multiplier=spec.width_multiplier)
        filters = tuple(map(w, spec.reduction_a))
        number_a, number_b, number_c = spec.modules
        a, b, c = 4 * w(96), w(384) + 2 * w(256) + w(128), 6 * w(256)  # channels of the modules
        self.stem, stem = v4_stem(spec.in_channels, w, spec.order)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        stages["inception_a"] = nn.Sequential(
            *(_inception_a(x, w) for x in _inputs(number_a, stem, a))
        )
        stages["reduction_a"] = reduction_a(a, filters)
        stages["inception_b"] = nn.Sequential(
            *(_inception_b(x, w, spec.order) for x in _inputs(number_b, a + sum(filters[2:]), b))
        )
        stages["reduction_b"] = _reduction_b(b, w)
        stages["inception_c"] = nn.Sequential(
            *(_inception_c(x, w, spec.order) for x in _inputs(number_c, b + w(192) + w(320), c))
        )
        self.stages = nn.Sequential(stages)
        self.pool = average_and_dropout()
        self.classifier = nn.Linear(c, spec.num_classes)
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def check_sizes(input_side: int, modules: tuple[int, int, int]) -> None:
    """Nothing, when such a net can be built.

    Raises:
        UserError: naming the value and what is allowed.
    """
    if input_side < LEAST_SIDE:
        raise UserError(
            f"input_side={input_side} is too small for five halvings without padding. "
            f"Use {LEAST_SIDE} or more."
        )
    if min(modules) < 1:
        raise UserError(f"modules={modules!r}; each of A, B and C is needed once or more.")


def v4_stem(in_channels: int, w: Width, order: Order) -> tuple[nn.Module, int]:
    """Fig. 3: three convolutions and three pairs of branches; and its output channels."""
    first, second = ((1, 7), (7, 1)) if order == "released" else ((7, 1), (1, 7))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["convs"] = chain(in_channels, (w(32), 3, 2), (w(32), 3, 1), (w(64), 3))
    layers["halve1"] = join(pool=nn.MaxPool2d(3, stride=2), conv=chain(w(64), (w(96), 3, 2)))
    c = w(64) + w(96)
    layers["factored"] = join(
        short=chain(c, (w(64), 1), (w(96), 3, 1)),
        long=chain(c, (w(64), 1), (w(64), first), (w(64), second), (w(96), 3, 1)),
    )
    c = 2 * w(96)
    layers["halve2"] = join(conv=chain(c, (w(192), 3, 2)), pool=nn.MaxPool2d(3, stride=2))
    return nn.Sequential(layers), w(192) + c


def _inception_a(c: int, w: Width) -> nn.Module:
    """Fig. 4."""
    return join(
        conv1x1=chain(c, (w(96), 1)),
        conv3x3=chain(c, (w(64), 1), (w(96), 3)),
        double3x3=chain(c, (w(64), 1), (w(96), 3), (w(96), 3)),
        pool=average_branch(c, w(96)),
    )


def reduction_a(c: int, filters: tuple[int, ...]) -> nn.Module:
    """Fig. 7, with the filters k, l, m, n; m + n channels are added."""
    k, l_, m, n = filters
    return join(
        conv3x3=chain(c, (n, 3, 2)),
        double3x3=chain(c, (k, 1), (l_, 3), (m, 3, 2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def _inception_b(c: int, w: Width, order: Order) -> nn.Module:
    """Fig. 5."""
    first, second = ((7, 1), (1, 7)) if order == "released" else ((1, 7), (7, 1))
    return join(
        conv1x1=chain(c, (w(384), 1)),
        conv7x7=chain(c, (w(192), 1), (w(224), (1, 7)), (w(256), (7, 1))),
        double7x7=chain(
            c, (w(192), 1), (w(192), first), (w(224), second), (w(224), first), (w(256), second)
        ),
        pool=average_branch(c, w(128)),
    )


def _reduction_b(c: int, w: Width) -> nn.Module:
    """Fig. 8."""
    return join(
        conv3x3=chain(c, (w(192), 1), (w(192), 3, 2)),
        conv7x7=chain(c, (w(256), 1), (w(256), (1, 7)), (w(320), (7, 1)), (w(320), 3, 2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def _inception_c(c: int, w: Width, order: Order) -> nn.Module:
    """Fig. 6."""
    first, second = ((3, 1), (1, 3)) if order == "released" else ((1, 3), (3, 1))
    return join(
        conv1x1=chain(c, (w(256), 1)),
        conv3x3=in_turn(reduce=chain(c, (w(384), 1)), split=_split(w(384), w(256))),
        double3x3=in_turn(
            reduce=chain(c, (w(384), 1), (w(448), first), (w(512), second)),
            split=_split(w(512), w(256)),
        ),
        pool=average_branch(c, w(256)),
    )


def _split(c: int, width: int) -> nn.Module:
    """1x3 beside 3x1: twice `width` channels."""
    return join(wide=chain(c, (width, (1, 3))), tall=chain(c, (width, (3, 1))))


def average_branch(c: int, width: int) -> nn.Module:
    """The branch that pools; pixels outside the image do not count."""
    average = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return in_turn(average=average, project=chain(c, (width, 1)))


def average_and_dropout() -> nn.Module:
    """Global average, then a fifth of it dropped in training."""
    return in_turn(average=nn.AdaptiveAvgPool2d(1), dropout=nn.Dropout(0.2))


def _inputs(number: int, first: int, others: int) -> list[int]:
    """Input channels of `number` modules."""
    return [first] + [others] * (number - 1)


def printed_sizes(variant: str, figure: str, sizes: dict[str, str]) -> Iterator[Fact]:
    """What `figure` prints beside the net's parts: "35x35x384", or channels alone."""
    for part, size in sizes.items():
        *sides, channels = size.split("x")
        if sides:
            yield Fact(variant, "side", sides[0], SZEGEDY2017, figure, part=part)
        yield Fact(variant, "channels", channels, SZEGEDY2017, figure, part=part)


SZEGEDY2017 = Paper(
    "Szegedy2017",
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "AAAI 2017",
    "arXiv:1602.07261",
)
_FIG_3 = {
    "stem.convs.0": "149x149x32",
    "stem.convs.1": "147x147x32",
    "stem.convs.2": "147x147x64",
    "stem.halve1": "73x73x160",
    "stem.factored": "71x71x192",
    "stem.halve2": "35x35x384",
}
_FIG_9 = {
    "stem": "35x35x384",
    "stages.inception_a": "35x35x384",
    "stages.reduction_a": "17x17x1024",
    "stages.inception_b": "17x17x1024",
    "stages.reduction_b": "8x8x1536",
    "stages.inception_c": "8x8x1536",
    "pool": "1536",
}

FAMILY = Family(
    name="inception_v4",
    title="Inception v4",
    paper=SZEGEDY2017,
    build=InceptionV4,
    variants={
        "inception_v4": InceptionV4Spec(),
        "inception_v4_figures": InceptionV4Spec(order="figures"),
    },
    facts=(
        *printed_sizes("inception_v4", "Fig. 3", _FIG_3),
        *printed_sizes("inception_v4", "Fig. 9", _FIG_9),
    ),
    widths=(0.25, 0.5, 1.0),
)
