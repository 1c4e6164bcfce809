"""NASNet-A: two searched cells, stacked.

A cell reads the outputs of the two cells before it and adds five pairs of operations, each on one
of the two or on an earlier sum. The normal cell keeps the side, the reduction cell halves it. They
were searched on CIFAR-10; the net "N @ F" has three stages of N normal cells, a reduction cell
between two stages, and F channels in the end.

Paper: Zoph et al., CVPR 2018 (arXiv:1707.07012): nets Fig. 2, cells Fig. 4, CIFAR Table 1, ImageNet
Tables 2 and 3, details Appendix A.
Departs from the paper: what it does not print is as in the authors' released code: the stem's
channels, TensorFlow's "same" padding, how the cell before last is brought to the side and channels
of the last, whether the cell behind a reduction reads the reduction's input or, in 6 @ 4032, what
lies before it, and the auxiliary head. Paths are dropped with the probability of the training's
last step; that it rises from zero over the training is a recipe's matter. 5 @ 1538, 7 @ 1920 and
CIFAR's 7 @ 2304 are missing: by the released code's rules they have 12.2, 24.6 and 32.4 M
parameters, where 10.9, 22.6 and 27.6 M are printed. NASNet-B and NASNet-C have other cells.
Common elsewhere: timm's `nasnetalarge` takes zeros beyond the edge into its averages of stride 2,
where the authors' code averages what lies inside; that net is `nasnet_a_6_4032_zero_edges`. The
authors' weights that timm offers were trained with the other. pytorchcv's `nasnet_4a1056` and
`nasnet_6a4032` are the authors' nets at their own side; the first computes 0.8 % more to get there.

The padding follows from `input_side`; images of another side may not pass.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, cast

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import ZOPH2018
from convatlas.layers import (
    Cell,
    CellDetails,
    CellPlan,
    ConvNorm,
    Maps,
    he_normal_by_outputs,
    scale_channels,
)
from convatlas.models._family import Family, Spec, one_of

# Fig. 4. State 0 is the cell before, 1 the one before that, 2 the first pair's sum.
NORMAL = CellPlan(
    pairs=(
        (("sep 5x5", 0), ("sep 3x3", 1)),
        (("sep 5x5", 1), ("sep 3x3", 1)),
        (("avg 3x3", 0), ("identity", 1)),
        (("avg 3x3", 1), ("avg 3x3", 1)),
        (("sep 3x3", 0), ("identity", 0)),
    ),
    joined=(1, 2, 3, 4, 5, 6),
    stride=1,
)
REDUCTION = CellPlan(
    pairs=(
        (("sep 5x5", 0), ("sep 7x7", 1)),
        (("max 3x3", 0), ("sep 7x7", 1)),
        (("avg 3x3", 0), ("sep 5x5", 1)),
        (("identity", 3), ("avg 3x3", 2)),
        (("sep 3x3", 2), ("max 3x3", 0)),
    ),
    joined=(3, 4, 5, 6),
    stride=2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NASNetSpec(Spec):
    """N @ F, and what the released code sets for it."""

    cells: int = 4  # N, normal cells of each stage
    filters: int = 44  # of every sum in the first stage, F / 24; doubles per stage
    stem: Literal["imagenet", "cifar"] = "imagenet"  # 3x3/2 and two reduction cells, or a 3x3
    stem_channels: int = 32
    skip_reduction: bool = False  # the cell behind a reduction reads no input of the reduction's
    survival: float = 1.0  # of a path in the last cell; falls linearly from cell to cell
    dropout: float = 0.5
    aux: bool = True  # a head behind the second stage
    eps: float = 1e-3  # of batch norm
    zero_edges: bool = False  # averages of stride 2 count the zeros beyond the edge


class NASNet(nn.Module):
    """Stem, cells, ReLU, global average, dropout, linear classifier."""

    def __init__(self, spec: NASNetSpec) -> None:
        super().__init__()
        _require_buildable(spec)
        imagenet = spec.stem == "imagenet"
        self.stem = ConvNorm(
            spec.in_channels,
            scale_channels(spec.stem_channels, spec.width_multiplier),
            3,
            stride=2 if imagenet else 1,
            padding=0 if imagenet else 1,
            eps=spec.eps,
        )
        plans = _plans(spec)
        cells = _cells(spec, plans)
        self.stages = nn.ModuleDict(cells)
        self.skipped = frozenset(name for name, plan in plans.items() if plan.skipped)
        self.pool = nn.Sequential(OrderedDict(relu=nn.ReLU(), average=nn.AdaptiveAvgPool2d(1)))
        linear = nn.Linear(cells[next(reversed(cells))].out.channels, spec.num_classes)
        self.classifier = nn.Sequential(
            OrderedDict(dropout=nn.Dropout(spec.dropout), linear=linear)
        )
        self.apply(he_normal_by_outputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self._logits(self._run(images)[0])

    def _logits(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        return self.classifier(self.pool(x).flatten(1))

    def _run(
        self, images: Float[Tensor, "n c h w"], *taps: str
    ) -> tuple[Float[Tensor, "n c2 h2 w2"], list[Float[Tensor, "n c3 h3 w3"]]]:
        """The last cell's output, and those of the cells called `taps`."""
        current = previous = self.stem(images)
        tapped = []
        for name, cell in self.stages.items():
            out = cell(current, previous)
            previous = previous if name in self.skipped else current
            current = out
            if name in taps:
                tapped.append(out)
        return current, tapped


class NASNetWithHead(NASNet):
    """The net with an auxiliary classifier behind its second stage, 2/3 of the way (App. A.7)."""

    def __init__(self, spec: NASNetSpec) -> None:
        super().__init__(spec)
        name = f"normal{2 * spec.cells}"
        self.aux = nn.ModuleDict({name: _head(spec, cast(Cell, self.stages[name]).out)})
        self.aux.apply(he_normal_by_outputs)

    def forward_with_aux(
        self, images: Float[Tensor, "n c h w"]
    ) -> tuple[Float[Tensor, "n k"], list[Float[Tensor, "n k"]]]:
        """Logits of `images`, and those of the head."""
        x, tapped = self._run(images, *self.aux)
        heads = [head(y) for head, y in zip(self.aux.values(), tapped, strict=True)]
        return self._logits(x), heads


def _build(spec: NASNetSpec) -> nn.Module:
    return NASNetWithHead(spec) if spec.aux else NASNet(spec)


class _Placed(NamedTuple):
    """A cell of Fig. 2."""

    plan: CellPlan
    filters: int
    skipped: bool = False  # the next cell reads this one's second input in place of its first


def _plans(spec: NASNetSpec) -> "OrderedDict[str, _Placed]":
    """Fig. 2: three stages with a reduction between two; on ImageNet two reductions before them."""
    filters = scale_channels(spec.filters, spec.width_multiplier)
    plans: OrderedDict[str, _Placed] = OrderedDict()
    if spec.stem == "imagenet":
        plans["stem1"] = _Placed(REDUCTION, filters // 4)
        plans["stem2"] = _Placed(REDUCTION, filters // 2)
    for number in range(3 * spec.cells):
        stage = number // spec.cells
        if stage and number % spec.cells == 0:
            skipped = spec.skip_reduction
            plans[f"reduction{stage}"] = _Placed(REDUCTION, filters * 2**stage, skipped)
        plans[f"normal{number + 1}"] = _Placed(NORMAL, filters * 2**stage)
    return plans


def _cells(spec: NASNetSpec, plans: "OrderedDict[str, _Placed]") -> "OrderedDict[str, Cell]":
    channels = scale_channels(spec.stem_channels, spec.width_multiplier)
    side = (spec.input_side - 1) // 2 if spec.stem == "imagenet" else spec.input_side
    current, previous = Maps(channels, side), None
    details = CellDetails(eps=spec.eps, zero_edges=spec.zero_edges)
    cells: OrderedDict[str, Cell] = OrderedDict()
    for number, (name, (plan, filters, skipped)) in enumerate(plans.items(), start=1):
        survival = 1 - (1 - spec.survival) * number / len(plans)
        cells[name] = cell = Cell(
            plan, current, previous, filters=filters, survival=survival, details=details
        )
        previous = previous if skipped else current
        current = cell.out
    return cells


def _head(spec: NASNetSpec, maps: Maps) -> nn.Module:
    """Average 5x5 at stride 3, 1x1, one window over all that is left, linear classifier."""
    window = min(5, maps.side)
    rest = (maps.side - window) // 3 + 1
    narrow, wide = (scale_channels(c, spec.width_multiplier) for c in (128, 768))
    return nn.Sequential(
        OrderedDict(
            relu=nn.ReLU(),
            average=nn.AvgPool2d(window, stride=3),
            reduce=ConvNorm(maps.channels, narrow, 1, eps=spec.eps, activation=nn.ReLU()),
            whole=ConvNorm(narrow, wide, rest, padding=0, eps=spec.eps, activation=nn.ReLU()),
            flatten=nn.Flatten(),
            linear=nn.Linear(wide, spec.num_classes),
        )
    )


def _require_buildable(spec: NASNetSpec) -> None:
    one_of("stem", spec.stem, ("imagenet", "cifar"))
    if spec.stem == "imagenet" and spec.input_side < 3:
        raise UserError(f"input_side={spec.input_side} is too small for this net. Use 3 or more.")
    if spec.filters < 4 or spec.filters % 4:
        raise UserError(f"filters={spec.filters!r}; it must be a multiple of 4.")
    if not 1 <= spec.cells <= 64:
        raise UserError(f"cells={spec.cells!r}; it must be from 1 to 64.")
    if not 0 < spec.survival <= 1:
        raise UserError(f"survival={spec.survival!r}; it must be above 0 and at most 1.")
    if not 0 <= spec.dropout < 1:
        raise UserError(f"dropout={spec.dropout!r}; it must be at least 0 and below 1.")


_LARGE = NASNetSpec(
    cells=6, filters=168, stem_channels=96, skip_reduction=True, survival=0.7, input_side=331
)
FAMILY = Family(
    name="nasnet",
    title="NASNet",
    paper=ZOPH2018,
    build=_build,
    variants={
        "nasnet_a_4_1056": NASNetSpec(),
        "nasnet_a_6_4032": _LARGE,
        "nasnet_a_6_4032_zero_edges": replace(_LARGE, zero_edges=True),
        "nasnet_a_6_768_cifar": NASNetSpec(
            cells=6,
            filters=32,
            stem="cifar",
            stem_channels=96,
            survival=0.6,
            dropout=0.0,
            eps=1e-5,
            input_side=32,
            num_classes=10,
        ),
    },
    facts=(
        Fact("nasnet_a_6_768_cifar", "params", "3.3e6", ZOPH2018, "Table 1"),
        Fact(
            "nasnet_a_6_4032",
            "params",
            "88.9e6",
            ZOPH2018,
            "Table 2",
            "with batch norm's running means and variances, which are not learned, it is 88.95 M",
        ),
        Fact("nasnet_a_6_4032", "mult_adds", "23.8e9", ZOPH2018, "Table 2"),
        Fact("nasnet_a_4_1056", "params", "5.3e6", ZOPH2018, "Table 3"),
        Fact("nasnet_a_4_1056", "mult_adds", "564e6", ZOPH2018, "Table 3"),
    ),
    widths=(0.25, 0.5, 1.0),
)
