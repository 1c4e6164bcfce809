"""Interleaved structured sparse convolutions: a kernel as a product of many sparse ones.

IGCV1's 1x1 convolutions, dense in their groups, are themselves split: behind a depthwise 3x3 come
as many 1x1 convolutions as one likes, each in groups of K channels with a permutation behind it.
Where the K multiply to the number of channels, the product is dense and has one path between every
two channels (the complementary condition). Batch norm and ReLU follow the whole product.

Paper: Xie et al., CVPR 2018 (arXiv:1804.06202): block Sec. 3, nets Sec. 4.
Departs from the paper: what it leaves open is filled from the same authors' files for IGCV1: the
first block of stages 2 and 3 has the stride (the notes say the last), and where the shape changes
the shortcut is a 1x1 in as many groups as the depthwise 3x3. The depth behind the printed size of
IGCV2*(C416) was not found; 20 layers and 10 classes have it. K and L are the same in every stage,
so that only the first one's kernels are dense. The table of the star prints a first convolution of
64 channels, which must be x, as the notes remark. Of the nets for ImageNet neither blocks nor
groups were found in print: `igcv2_mobile` has MobileNet's channels, two blocks for each of its
blocks, and the 1x1 in 4 and 8 groups, the numbers that ShuffleNet v2's authors name. This gives
561.6, 155.6 and 46.5 M mult-adds at widths 1, 0.5 and 0.25, where the paper prints 564, 156 and 46;
as the blocks were chosen by these figures, they prove nothing and stand in no table.
Common elsewhere: nobody ships these nets.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import lcm

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper
from convatlas.layers import (
    ConvNorm,
    InterleavedNorm,
    InterleavedUnit,
    check_groups,
    he_normal_by_inputs,
    scale_channels,
)
from convatlas.models._family import Family, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class IGCV2Spec(Spec):
    """A net of Sec. 4: IGCV2(Cx) has L = 3, IGCV2*(Cx) L = ceil(log_K x) + 1."""

    input_side: int = 32
    num_classes: int = 10
    stem_channels: int = 64  # x
    stem_stride: int = 1
    # (blocks, channels) per stage; every stage but the first opens with stride 2
    stages: tuple[tuple[int, int], ...] = ((6, 64), (6, 128), (6, 256))
    branches: tuple[int, ...] = (8, 8)  # K_2 .. K_L: channels in a group of each 1x1
    groups: tuple[int, ...] = ()  # in place of `branches`: how many groups each 1x1 has
    shortcuts: bool = True  # one over every two blocks


class IGCV2(nn.Module):
    """Stem, stages of sparse products, global average, linear classifier."""

    def __init__(self, spec: IGCV2Spec) -> None:
        super().__init__()
        channels = _scaled(spec, spec.stem_channels)
        relu = nn.ReLU(inplace=True)
        self.stem = ConvNorm(
            spec.in_channels, channels, 3, stride=spec.stem_stride, activation=relu
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (depth, width) in enumerate(spec.stages, start=1):
            width = _scaled(spec, width)
            blocks: list[nn.Module] = []
            for block in range(_units(spec, depth)):
                stride = 2 if block == 0 and number > 1 else 1
                blocks.append(_block(spec, channels, width, stride))
                channels = width
            stages[f"stage{number}"] = nn.Sequential(*blocks)
        self.stages = nn.Sequential(stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(he_normal_by_inputs)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _units(spec: IGCV2Spec, depth: int) -> int:
    """Of two blocks each under a shortcut, else of one."""
    if not spec.shortcuts:
        return depth
    if depth % 2:
        raise UserError(
            f"stages: {depth} blocks do not make pairs. Use an even number, or shortcuts=False."
        )
    return depth // 2


def _block(spec: IGCV2Spec, in_channels: int, channels: int, stride: int) -> nn.Module:
    pointwise = _pointwise_groups(spec, channels)
    first, second = (in_channels, *pointwise), (channels, *pointwise)
    if spec.shortcuts:
        return InterleavedUnit(in_channels, channels, first=first, second=second, stride=stride)
    relu = nn.ReLU(inplace=True)
    return InterleavedNorm(in_channels, channels, groups=first, stride=stride, activation=relu)


def _pointwise_groups(spec: IGCV2Spec, channels: int) -> tuple[int, ...]:
    if spec.groups:
        return tuple(check_groups(count, channels=channels) for count in spec.groups)
    return tuple(
        channels // check_groups(k, channels=channels, name="branches") for k in spec.branches
    )


def _scaled(spec: IGCV2Spec, channels: int) -> int:
    """Rounded so that all groups divide it."""
    counts = spec.groups or spec.branches
    divisor = lcm(*(count for count in counts if type(count) is int and count > 0))
    return scale_channels(channels, spec.width_multiplier, divisor=divisor)


def _cifar(x: int, depth: int, branches: tuple[int, ...]) -> IGCV2Spec:
    """Depth 3B + 2, a block counted as one layer."""
    blocks = (depth - 2) // 3
    return IGCV2Spec(
        stem_channels=x,
        stages=((blocks, x), (blocks, 2 * x), (blocks, 4 * x)),
        branches=branches,
    )


def _star(x: int, depth: int, branch: int = 8) -> IGCV2Spec:
    """As many 1x1 as it takes to reach x channels, ceil(log_K x)."""
    pointwise, reached = 0, 1
    while reached < x:
        pointwise, reached = pointwise + 1, reached * branch
    return _cifar(x, depth, (branch,) * pointwise)


def _mobile(width_multiplier: float) -> IGCV2Spec:
    return IGCV2Spec(
        input_side=224,
        num_classes=1000,
        width_multiplier=width_multiplier,
        stem_channels=32,
        stem_stride=2,
        stages=((2, 64), (4, 128), (4, 256), (12, 512), (4, 1024)),
        groups=(4, 8),
        shortcuts=False,
    )


XIE2018 = Paper(
    "Xie2018",
    "IGCV2: Interleaved Structured Sparse Convolutional Neural Networks",
    "CVPR 2018",
    "arXiv:1804.06202",
)
FAMILY = Family(
    name="igcv2",
    title="IGCV2 (interleaved structured sparse convolutions)",
    paper=XIE2018,
    build=IGCV2,
    variants={
        **{f"igcv2_c64_d{depth}": _cifar(64, depth, (8, 8)) for depth in (8, 20, 38)},
        "igcv2_star_c416_d20": _star(416, 20),
        "igcv2_mobile": _mobile(1.0),
        "igcv2_mobile_w050": _mobile(0.5),
        "igcv2_mobile_w025": _mobile(0.25),
    },
    facts=(Fact("igcv2_star_c416_d20", "params", "0.65e6", XIE2018, "Table 5"),),
    widths=(0.25, 0.5, 1.0),
)
