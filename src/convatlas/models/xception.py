"""Xception: Inception taken to the extreme, every channel filtered on its own.

An Inception module filters a few segments of the channels apart from each other. With as many
segments as channels it becomes a 1x1 convolution across channels and a 3x3 within each. The net is
a stack of such depthwise separable convolutions, with a shortcut around every two or three.

Paper: Chollet, CVPR 2017 (arXiv:1610.02357): net Fig. 5, size Table 3, extreme module Fig. 4,
without shortcuts Fig. 9, activations between Fig. 10.
Departs from the paper: nothing that is stated; the net has the dropout of 0.5 that the paper uses
on ImageNet, and none of the optional fully connected layers. `xception_no_residual` leaves every
shortcut out, `xception_relu_between` and `xception_elu_between` put an activation between the 3x3
and the 1x1 of every separable convolution; the paper trains all three for comparison.
`xception_extreme` is no net of the paper: it has Fig. 4's module, the 1x1 first and a ReLU behind
it, in place of every separable convolution. The paper does not print batch norm's epsilon, 1e-5
here and 1e-3 in the author's release (Keras), nor how pools pad: on all sides here, in the release
at the right and the bottom only where the side is even.
Common elsewhere: timm's `legacy_xception` and pytorchcv's `xception` equal `xception` (22,855,952
parameters); timm's `xception41`, `xception65` and `xception71` are DeepLab's nets.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import CHOLLET2017
from convatlas.layers import (
    SeparableConv,
    ShortcutOption,
    conv_chain,
    in_turn,
    make_shortcut,
    scale_channels,
    xavier_uniform,
)
from convatlas.models._family import Family, Spec, one_of

LEAST_SIDE = 7  # one pixel is left behind the stem
_BETWEEN = {"nothing": nn.Identity, "relu": nn.ReLU, "elu": nn.ELU}


@dataclass(frozen=True, slots=True, kw_only=True)
class XceptionSpec(Spec):
    """Fig. 5."""

    input_side: int = 299
    stem: tuple[int, int] = (32, 64)
    entry: tuple[int, ...] = (128, 256, 728)  # a module of two that halves the side, for each
    middle: int = 8  # modules of three
    exit: tuple[int, int, int, int] = (728, 1024, 1536, 2048)  # a module that halves, and two more
    residual: bool = True
    between: Literal["nothing", "relu", "elu"] = "nothing"  # a separable convolution's two
    first: Literal["3x3", "1x1"] = "3x3"  # of a separable convolution's two


class XceptionModule(nn.Module):
    """ReLU, separable convolution and batch norm, two or three times, and a shortcut around them.

    A module that halves the side ends in a max pool, and its shortcut is a 1x1 with batch norm.

    Args:
        widths: channels in, and of each separable convolution.
        leading_relu: False for the first module, whose input is rectified already.
    """

    def __init__(
        self, spec: XceptionSpec, widths: list[int], *, stride: int, leading_relu: bool = True
    ) -> None:
        super().__init__()
        body: OrderedDict[str, nn.Module] = OrderedDict()
        for i, (before, after) in enumerate(pairwise(widths), start=1):
            if i > 1 or leading_relu:
                body[f"relu{i}"] = nn.ReLU(inplace=i > 1)  # the shortcut reads the input as well
            body[f"separable{i}"] = _separable(spec, before, after)
            body[f"norm{i}"] = nn.BatchNorm2d(after)
        if stride == 2:
            body["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
        self.body = nn.Sequential(body)
        option: ShortcutOption = "B" if spec.residual else "none"
        self.shortcut = make_shortcut(option, widths[0], widths[-1], stride)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """The convolved `x`, and the shortcut added to it."""
        f = self.body(x)
        return f if self.shortcut is None else f + self.shortcut(x)


class Xception(nn.Module):
    """Stem, entry, middle and exit flow, global average, linear classifier."""

    def __init__(self, spec: XceptionSpec) -> None:
        super().__init__()
        _check(spec)
        w = partial(scale_channels, multiplier=spec.width_multiplier)
        stem = [w(c) for c in spec.stem]
        self.stem = conv_chain(spec.in_channels, (stem[0], 3, 2), (stem[1], 3, 1))
        channels = stem[1]
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, width in enumerate(map(w, spec.entry), start=1):
            stages[f"entry{number}"] = XceptionModule(
                spec, [channels, width, width], stride=2, leading_relu=number > 1
            )
            channels = width
        stages["middle"] = nn.Sequential(
            *(XceptionModule(spec, [channels] * 4, stride=1) for _ in range(spec.middle))
        )
        last = [w(c) for c in spec.exit]
        stages["exit"] = nn.Sequential(
            XceptionModule(spec, [channels, *last[:2]], stride=2),
            _separable_norm_relu(spec, last[1], last[2]),
            _separable_norm_relu(spec, last[2], last[3]),
        )
        self.stages = nn.Sequential(stages)
        self.pool = in_turn(average=nn.AdaptiveAvgPool2d(1), dropout=nn.Dropout(0.5))
        self.classifier = nn.Linear(last[3], spec.num_classes)
        self.apply(xavier_uniform)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check(spec: XceptionSpec) -> None:
    one_of("between", spec.between, tuple(_BETWEEN))
    one_of("first", spec.first, ("3x3", "1x1"))
    if spec.input_side < LEAST_SIDE:
        raise UserError(
            f"input_side={spec.input_side} is too small for the stem, which does not pad. "
            f"Use {LEAST_SIDE} or more."
        )


def _separable(spec: XceptionSpec, in_channels: int, out_channels: int) -> nn.Module:
    """A 3x3 within each channel and a 1x1 across them, as `spec` combines the two."""
    if spec.first == "3x3" and spec.between == "nothing":
        return SeparableConv(in_channels, out_channels, 3)
    filtered = in_channels if spec.first == "3x3" else out_channels
    convs: dict[str, nn.Module] = {
        "3x3": nn.Conv2d(filtered, filtered, 3, padding=1, groups=filtered, bias=False),
        "1x1": nn.Conv2d(in_channels, out_channels, 1, bias=False),
    }
    second = "1x1" if spec.first == "3x3" else "3x3"
    return in_turn(first=convs[spec.first], between=_BETWEEN[spec.between](), second=convs[second])


def _separable_norm_relu(spec: XceptionSpec, in_channels: int, out_channels: int) -> nn.Module:
    return in_turn(
        separable=_separable(spec, in_channels, out_channels),
        norm=nn.BatchNorm2d(out_channels),
        relu=nn.ReLU(inplace=True),
    )


FAMILY = Family(
    name="xception",
    title="Xception",
    paper=CHOLLET2017,
    build=Xception,
    variants={
        "xception": XceptionSpec(),
        "xception_no_residual": XceptionSpec(residual=False),
        "xception_relu_between": XceptionSpec(between="relu"),
        "xception_elu_between": XceptionSpec(between="elu"),
        "xception_extreme": XceptionSpec(first="1x1", between="relu"),
    },
    facts=(
        Fact("xception", "params", "22855952", CHOLLET2017, "Table 3"),
        Fact(
            "xception",
            "layers",
            "36",
            CHOLLET2017,
            "Sec. 3",
            "counts a separable convolution as one layer (2 + 34), and not the classifier",
        ),
        Fact("xception", "side", "19", CHOLLET2017, "Fig. 5", part="stages.entry3"),
        Fact("xception", "channels", "728", CHOLLET2017, "Fig. 5", part="stages.entry3"),
        Fact("xception", "side", "19", CHOLLET2017, "Fig. 5", part="stages.middle"),
        Fact("xception", "channels", "728", CHOLLET2017, "Fig. 5", part="stages.middle"),
        Fact("xception", "channels", "2048", CHOLLET2017, "Fig. 5", part="pool"),
    ),
    widths=(0.25, 0.5, 1.0),
)
