"""Inception v3: large kernels of Inception modules split into small and one-sided ones.

Two 3x3 convolutions see what a 5x5 sees, and a 1x7 followed by a 7x1 what a 7x7 sees, for a
fraction of the operations. Where the side halves, convolutions of stride 2 run beside a pool, so
that no layer is a bottleneck. One auxiliary classifier, batch normalised, regularises training.

Paper: Szegedy et al., CVPR 2016 (arXiv:1512.00567): modules Figs. 5 to 7, head Fig. 8, reduction
Fig. 10, net Table 1.
Departs from the paper: the widths inside the modules, which the paper leaves to a file that was
never published. `inception_v3` is the net that the authors released (TF-slim). Its first modules
keep a 5x5 and split the 3x3 instead, the first of them gives 256 channels where Section 6 says 288,
four modules of side 17 stand where Table 1 has five, and its stem has a 1x1 and a pool where Table
1 has a 3x3 of stride 2 and one more 3x3. Its longest path has 48 layers and it takes 5.71 G
mult-adds; the paper prints 42 layers (Section 6) and 4.8 G (Table 3), and of which net is unknown.
`inception_v3_figure` follows the paper where it speaks. It has Table 1's stem (the last 3x3 padded,
as the printed sides ask), three modules of 288 channels as Fig. 5 draws them (a 1x1; a 1x1 and two
3x3 for the 5x5; a 1x1 and one 3x3; a pool and a 1x1), five of 768 with every 1x7 before its 7x1 as
Section 3.2 says, and two of 2048 as in Fig. 7. Widths inside are the released net's; the modules
of side 17 all have the narrowest of them, 128, which keeps the net below the 25 M parameters of the
abstract. The paper gives neither batch norm's epsilon nor the dropout: 1e-3 and 0.2 are the
release's. On images that do not leave 17 to 19 pixels for the head, it pools to the paper's 5x5.
Common elsewhere: torchvision's, timm's and pytorchcv's nets equal `inception_v3`: 23,834,568
parameters, 27,161,264 with the head. TensorFlow's have no scale in batch norm and leave padding out
of the averages. The 23,626,728 parameters that the Xception paper prints belong to another build.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import SZEGEDY2016
from convatlas.layers import (
    conv_chain,
    he_normal,
    in_turn,
    join,
    scale_channels,
    through_heads,
)
from convatlas.models._family import Family, Spec, one_of

Width = Callable[[int], int]  # a layer's channels under the width multiplier
SMALLEST_SIDE = 75  # leaves one pixel for the last modules
_chain = partial(conv_chain, eps=1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InceptionV3Spec(Spec):
    """Table 1, and what it leaves open."""

    input_side: int = 299
    stem: Literal["released", "table"] = "released"
    kernels: Literal["released", "figures"] = "released"  # of the modules of sides 35 and 17
    projections: tuple[int, ...] = (32, 64, 64)  # after the pool, per module of side 35
    factorised: tuple[int, ...] = (128, 160, 160, 192)  # inner width per module of side 17
    dropout: float = 0.2
    aux: bool = True  # the head on the last module of side 17


class InceptionV3(nn.Module):
    """Stem, modules of three sides with a reduction between them, global average, classifier."""

    def __init__(self, spec: InceptionV3Spec) -> None:
        super().__init__()
        _require_buildable(spec)
        w = partial(scale_channels, multiplier=spec.width_multiplier)
        self.stem, c = _stem(spec, w)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, projection in enumerate(spec.projections, start=1):
            stages[f"inception_a{number}"] = _module_a(spec, c, w, w(projection))
            c = 2 * w(64) + w(96) + w(projection)
        stages["reduction_a"] = _reduction_a(c, w)
        c += w(384) + w(96)
        for number, width in enumerate(spec.factorised, start=1):
            stages[f"inception_b{number}"] = _module_b(spec, c, w, w(width))
            c = 4 * w(192)
        stages["reduction_b"] = _reduction_b(c, w)
        c += w(320) + w(192)
        for number in (1, 2):
            stages[f"inception_c{number}"] = _module_c(c, w)
            c = w(320) + 4 * w(384) + w(192)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = in_turn(
            dropout=nn.Dropout(spec.dropout), linear=nn.Linear(c, spec.num_classes)
        )
        self.apply(he_normal)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


class InceptionV3WithHead(InceptionV3):
    """As it is trained: a classifier reads what the last module of side 17 gives."""

    def __init__(self, spec: InceptionV3Spec) -> None:
        super().__init__(spec)
        head = _head(spec, partial(scale_channels, multiplier=spec.width_multiplier))
        self.aux = nn.ModuleDict({f"inception_b{len(spec.factorised)}": head})
        self.aux.apply(he_normal)

    def forward_with_aux(
        self, images: Float[Tensor, "n c h w"]
    ) -> tuple[Float[Tensor, "n k"], list[Float[Tensor, "n k"]]]:
        """Logits of `images`, and those of the head."""
        x, heads = through_heads(self.stages, self.aux, self.stem(images))
        return self.classifier(self.pool(x).flatten(1)), heads


def _build(spec: InceptionV3Spec) -> InceptionV3:
    return InceptionV3WithHead(spec) if spec.aux else InceptionV3(spec)


def _require_buildable(spec: InceptionV3Spec) -> None:
    one_of("stem", spec.stem, ("released", "table"))
    one_of("kernels", spec.kernels, ("released", "figures"))
    if not spec.projections or not spec.factorised:
        raise UserError("projections=() or factorised=() leaves a side without a module: use one.")
    if spec.input_side < SMALLEST_SIDE:
        raise UserError(
            f"input_side={spec.input_side} leaves the last modules nothing: "
            f"use {SMALLEST_SIDE} or more."
        )


def _stem(spec: InceptionV3Spec, w: Width) -> tuple[nn.Module, int]:
    """Down to side 35; and its output channels."""
    convs = _chain(spec.in_channels, (w(32), 3, 2), (w(32), 3, 1), (w(64), 3))
    pool = nn.MaxPool2d(3, stride=2)
    if spec.stem == "table":
        more = _chain(w(64), (w(80), 3, 1), (w(192), 3, 2), (w(288), 3))
        return in_turn(convs=convs, pool1=pool, more=more), w(288)
    more = _chain(w(64), (w(80), 1), (w(192), 3, 1))
    return in_turn(convs=convs, pool1=pool, more=more, pool2=nn.MaxPool2d(3, stride=2)), w(192)


def _module_a(spec: InceptionV3Spec, c: int, w: Width, projection: int) -> nn.Module:
    """Fig. 5; as released the 5x5 stays whole and the 3x3 is doubled."""
    if spec.kernels == "released":
        conv5x5 = _chain(c, (w(48), 1), (w(64), 5))
        conv3x3 = _chain(c, (w(64), 1), (w(96), 3), (w(96), 3))
    else:
        conv5x5 = _chain(c, (w(48), 1), (w(64), 3), (w(64), 3))
        conv3x3 = _chain(c, (w(64), 1), (w(96), 3))
    return join(
        conv1x1=_chain(c, (w(64), 1)),
        conv5x5=conv5x5,
        conv3x3=conv3x3,
        pool=_pool_branch(c, projection),
    )


def _reduction_a(c: int, w: Width) -> nn.Module:
    """Fig. 10, the shorter branch without its 1x1."""
    return join(
        conv3x3=_chain(c, (w(384), 3, 2)),
        double3x3=_chain(c, (w(64), 1), (w(96), 3), (w(96), 3, 2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def _module_b(spec: InceptionV3Spec, c: int, w: Width, width: int) -> nn.Module:
    """Fig. 6 with n = 7; as released the longer branch begins with 7x1."""
    first, second = ((7, 1), (1, 7)) if spec.kernels == "released" else ((1, 7), (7, 1))
    return join(
        conv1x1=_chain(c, (w(192), 1)),
        conv7x7=_chain(c, (width, 1), (width, (1, 7)), (w(192), (7, 1))),
        double7x7=_chain(
            c, (width, 1), (width, first), (width, second), (width, first), (w(192), second)
        ),
        pool=_pool_branch(c, w(192)),
    )


def _reduction_b(c: int, w: Width) -> nn.Module:
    """Fig. 10, with a 7x7 in the longer branch."""
    return join(
        conv3x3=_chain(c, (w(192), 1), (w(320), 3, 2)),
        conv7x7=_chain(c, (w(192), 1), (w(192), (1, 7)), (w(192), (7, 1)), (w(192), 3, 2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def _module_c(c: int, w: Width) -> nn.Module:
    """Fig. 7."""
    return join(
        conv1x1=_chain(c, (w(320), 1)),
        conv3x3=in_turn(reduce=_chain(c, (w(384), 1)), split=_split(w(384))),
        double3x3=in_turn(reduce=_chain(c, (w(448), 1), (w(384), 3)), split=_split(w(384))),
        pool=_pool_branch(c, w(192)),
    )


def _split(c: int) -> nn.Module:
    """1x3 beside 3x1."""
    return join(wide=_chain(c, (c, (1, 3))), tall=_chain(c, (c, (3, 1))))


def _pool_branch(c: int, projection: int) -> nn.Module:
    return in_turn(pool=nn.AvgPool2d(3, stride=1, padding=1), project=_chain(c, (projection, 1)))


def _head(spec: InceptionV3Spec, w: Width) -> nn.Module:
    """Fig. 8: 5x5 average at stride 3, 1x1, all of the map to 768 channels, linear."""
    strided = 299 <= spec.input_side < 347  # 17 to 19 pixels
    return in_turn(
        pool=nn.AvgPool2d(5, stride=3) if strided else nn.AdaptiveAvgPool2d(5),
        convs=_chain(4 * w(192), (w(128), 1), (w(768), 5, 1)),
        flatten=nn.Flatten(),
        linear=nn.Linear(w(768), spec.num_classes),
    )


def _table_1() -> Iterator[Fact]:
    """What every row of Table 1 gives, which is what the next row takes."""
    for part, side, channels in (
        ("stem.convs.0", "149", "32"),
        ("stem.convs.1", "147", "32"),
        ("stem.convs.2", "147", "64"),
        ("stem.pool1", "73", "64"),
        ("stem.more.0", "71", "80"),
        ("stem.more.1", "35", "192"),
        ("stem", "35", "288"),
        ("stages.reduction_a", "17", "768"),
        ("stages.reduction_b", "8", "1280"),
        ("stages", "8", "2048"),
        ("pool", "1", "2048"),
    ):
        yield Fact("inception_v3_figure", "side", side, SZEGEDY2016, "Table 1", part=part)
        yield Fact("inception_v3_figure", "channels", channels, SZEGEDY2016, "Table 1", part=part)


FAMILY = Family(
    name="inception_v3",
    title="Inception v3",
    paper=SZEGEDY2016,
    build=_build,
    variants={
        "inception_v3": InceptionV3Spec(),
        "inception_v3_figure": InceptionV3Spec(
            stem="table",
            kernels="figures",
            projections=(64, 64, 64),
            factorised=(128,) * 5,
        ),
    },
    facts=(
        Fact("inception_v3", "mult_adds", "5e9", SZEGEDY2016, "Abstract"),
        Fact(
            "inception_v3",
            "params",
            "25e6",
            SZEGEDY2016,
            "Abstract",
            "the abstract says less than 25 million",
        ),
        *_table_1(),
    ),
    widths=(0.25, 0.5, 1.0),
)
