"""Inception-ResNet: Inception modules that correct their input instead of replacing it.

A module's branches are joined and brought back to the input's channels by a linear 1x1, and the
result is added to the input. The branches can then be cheaper than a pure Inception module's, and
training is faster. Beyond 1000 channels it became unstable, so the correction is scaled down
before the addition.

Paper: Szegedy et al., AAAI 2017 (arXiv:1602.07261): schema Fig. 15; v1 Figs. 10 to 14; v2 Figs. 3
and 16 to 19; reduction A Fig. 7 and Table 1; scaling Fig. 20. SE: Hu et al., CVPR 2018
(arXiv:1709.01507).
Departs from the paper: `inception_resnet_v1` and `inception_resnet_v2` follow the figures: 5, 10
and 5 modules. The figures of v2 contradict each other: Fig. 17 ends in 1154 channels and Fig. 19
in 2048, which cannot be added to what came in. Reduction A (Fig. 7, Table 1) gives 384 + 384 + 384
= 1152 channels and reduction B (Fig. 18) 1152 + 384 + 288 + 320 = 2144, and these are used. As in
the release, the linear 1x1 has a bias and no batch norm, batch norm's epsilon is 1e-3, and the
corrections of A, B and C are scaled by 0.17, 0.10 and 0.20; the paper says 0.1 to 0.3.
`inception_resnet_v2_released` is the net that the authors released (TF-slim): the stem of
Inception v3 and one more module, then 10, 20 and 10 residual modules, the last of which adds its
correction unscaled and without ReLU, and a 1x1 of 1536 channels. The release trains with an
auxiliary head, which is left out here. Of v1 there is no release. `se_inception_resnet_v2` has
squeeze and excitation (r = 16) behind the linear 1x1 of each module of the released net. Hu et al.
do not print which net they extended: their Table 2 has 11.75 G and 11.76 G mult-adds where the
released net has 13.156 G and 13.164 G.
Common elsewhere: timm's `inception_resnet_v2`, pytorchcv's `inceptionresnetv2` and Keras's
InceptionResNetV2 are the released net (55,843,464 parameters); pytorchcv's `inceptionresnetv1`
(23,995,624) is FaceNet's net, with 5, 10 and 6 modules and a layer of 512 before the classifier.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.facts import Fact
from convatlas.facts.papers import HU2018
from convatlas.layers import (
    Scale,
    Sides,
    in_turn,
    join,
    scale_channels,
    squeeze_excite,
    xavier_uniform,
)
from convatlas.models._family import Family, Spec, one_of
from convatlas.models.inception_v4 import (
    SZEGEDY2017,
    Width,
    average_and_dropout,
    average_branch,
    chain,
    check_sizes,
    printed_sizes,
    reduction_a,
    v4_stem,
)

Branches = tuple[tuple[int, ...], ...]  # the channels of each branch's convolutions
# kernels of a branch's convolutions, in turn
_KERNELS: dict[str, tuple[Sides, ...]] = {
    "a": (1, 3, 3),
    "b": (1, (1, 7), (7, 1)),
    "c": (1, (1, 3), (3, 1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InceptionResNetSpec(Spec):
    """Fig. 15 with the modules of v2."""

    input_side: int = 299
    stem: Literal["v1", "v4", "released"] = "v4"
    modules: tuple[int, int, int] = (5, 10, 5)  # of A, B and C
    scales: tuple[float, float, float] = (0.17, 0.10, 0.20)  # of their corrections; 1 for none
    inception_a: Branches = ((32,), (32, 32), (32, 48, 64))
    reduction_a: tuple[int, int, int, int] = (256, 256, 384, 384)  # k, l, m, n of Table 1
    inception_b: Branches = ((192,), (128, 160, 192))
    reduction_b: Branches = ((256, 384), (256, 288), (256, 288, 320))
    inception_c: Branches = ((192,), (192, 224, 256))
    linear_end: bool = False  # the last C adds its correction unscaled, without ReLU
    last_channels: int | None = None  # of a 1x1 before the pool
    se_reduction: int | None = None  # r of squeeze-and-excitation


class ResidualInception(nn.Module):
    """Figs. 10, 11, 13 and 16, 17, 19: ReLU(x + scale * linear(branches(x))), scaled by Fig. 20."""

    def __init__(
        self,
        channels: int,
        branches: nn.Module,
        joined: int,
        *,
        scale: float,
        se_reduction: int | None,
        linear_end: bool,
    ) -> None:
        super().__init__()
        self.branches = branches
        self.linear = nn.Conv2d(joined, channels, 1)
        self.excite = squeeze_excite(channels, se_reduction)
        self.scale = nn.Identity() if linear_end or scale == 1 else Scale(scale)
        self.relu = nn.Identity() if linear_end else nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """`x`, corrected."""
        return self.relu(x + self.scale(self.excite(self.linear(self.branches(x)))))


class InceptionResNet(nn.Module):
    """Stem, residual modules A, B and C with a reduction between each, average, classifier."""

    def __init__(self, spec: InceptionResNetSpec) -> None:
        super().__init__()
        check_sizes(spec.input_side, spec.modules)
        _check_residuals(spec)
        w = partial(scale_channels, multiplier=spec.width_multiplier)
        self.stem, channels = _stem(spec, w)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        stages["inception_a"] = _modules("a", spec, channels, w)
        filters = tuple(map(w, spec.reduction_a))
        stages["reduction_a"] = reduction_a(channels, filters)
        channels += sum(filters[2:])
        stages["inception_b"] = _modules("b", spec, channels, w)
        stages["reduction_b"] = _reduction_b(channels, spec.reduction_b, w)
        channels += sum(w(branch[-1]) for branch in spec.reduction_b)
        stages["inception_c"] = _modules("c", spec, channels, w)
        if spec.last_channels is not None:
            stages["last"] = chain(channels, (w(spec.last_channels), 1))
            channels = w(spec.last_channels)
        self.stages = nn.Sequential(stages)
        self.pool = average_and_dropout()
        self.classifier = nn.Linear(channels, spec.num_classes)
        self.apply(xavier_uniform)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        """Logits of `images`."""
        return self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))


def _check_residuals(spec: InceptionResNetSpec) -> None:
    one_of("stem", spec.stem, ("v1", "v4", "released"))
    if not all(0 < scale <= 1 for scale in spec.scales):
        raise UserError(f"scales={spec.scales!r}; each must be above 0, at most 1 for none.")


def _stem(spec: InceptionResNetSpec, w: Width) -> tuple[nn.Module, int]:
    """Fig. 14 (v1), Fig. 3 (v4), or the release's; and its output channels."""
    if spec.stem == "v4":
        return v4_stem(spec.in_channels, w, "figures")
    before = chain(spec.in_channels, (w(32), 3, 2), (w(32), 3, 1), (w(64), 3))
    halve = nn.MaxPool2d(3, stride=2)
    if spec.stem == "v1":
        after = chain(w(64), (w(80), 1), (w(192), 3, 1), (w(256), 3, 2))
        return in_turn(before=before, halve1=halve, after=after), w(256)
    after = chain(w(64), (w(80), 1), (w(192), 3, 1))
    c = w(192)
    mixed = join(
        conv1x1=chain(c, (w(96), 1)),
        conv5x5=chain(c, (w(48), 1), (w(64), 5)),
        double3x3=chain(c, (w(64), 1), (w(96), 3), (w(96), 3)),
        pool=average_branch(c, w(64)),
    )
    halve2 = nn.MaxPool2d(3, stride=2)
    stem = in_turn(before=before, halve1=halve, after=after, halve2=halve2, mixed=mixed)
    return stem, 2 * w(96) + 2 * w(64)


def _modules(letter: str, spec: InceptionResNetSpec, channels: int, w: Width) -> nn.Module:
    index = "abc".index(letter)
    number, scale = spec.modules[index], spec.scales[index]
    widths = (spec.inception_a, spec.inception_b, spec.inception_c)[index]
    modules: list[nn.Module] = []
    for i in range(number):
        branches = {
            f"branch{b}": chain(channels, *zip(map(w, branch), _KERNELS[letter], strict=False))
            for b, branch in enumerate(widths, start=1)
        }
        modules.append(
            ResidualInception(
                channels,
                join(**branches),
                sum(w(branch[-1]) for branch in widths),
                scale=scale,
                se_reduction=spec.se_reduction,
                linear_end=spec.linear_end and letter == "c" and i == number - 1,
            )
        )
    return nn.Sequential(*modules)


def _reduction_b(c: int, widths: Branches, w: Width) -> nn.Module:
    """Figs. 12 and 18: branches of 1x1, 3x3s and a 3x3 that halves, and a max pool."""
    branches: dict[str, nn.Module] = {}
    for b, (first, *middle, last) in enumerate(widths, start=1):
        steps = [(w(width), 3) for width in middle]
        branches[f"branch{b}"] = chain(c, (w(first), 1), *steps, (w(last), 3, 2))
    return join(**branches, pool=nn.MaxPool2d(3, stride=2))


_FIG_14 = {
    "stem.before.0": "149x149x32",
    "stem.before.1": "147x147x32",
    "stem.before.2": "147x147x64",
    "stem.halve1": "73x73x64",
    "stem.after.0": "73x73x80",
    "stem.after.1": "71x71x192",
    "stem.after.2": "35x35x256",
}
_FIG_15 = {
    "stem": "35x35x256",
    "stages.inception_a": "35x35x256",
    "stages.reduction_a": "17x17x896",
    "stages.inception_b": "17x17x896",
    "stages.reduction_b": "8x8x1792",
    "stages.inception_c": "8x8x1792",
    "pool": "1792",
}
_NOT_2144 = (
    "cannot be added to the 2144 channels of Fig. 18's reduction B; with the filters of Fig. 12, "
    "v1's, there would be 2048"
)
_REBUILT = (
    "is of the SE authors' own re-implementation, whose modules are not printed: neither the "
    "released net (13.16 G) nor the figures' (9.26 G) is it"
)


def _figures_16_to_19() -> Iterator[Fact]:
    """The widths of the linear 1x1s of v2."""
    for part, figure, channels, because in (
        ("a", "Fig. 16", "384", ""),
        ("b", "Fig. 17", "1154", "cannot be added to the 1152 channels of reduction A"),
        ("c", "Fig. 19", "2048", _NOT_2144),
    ):
        part = f"stages.inception_{part}.0.linear"
        yield Fact("inception_resnet_v2", "channels", channels, SZEGEDY2017, figure, because, part)


_RELEASED = InceptionResNetSpec(
    stem="released",
    modules=(10, 20, 10),
    linear_end=True,
    last_channels=1536,
)

FAMILY = Family(
    name="inception_resnet",
    title="Inception-ResNet",
    paper=SZEGEDY2017,
    build=InceptionResNet,
    variants={
        "inception_resnet_v1": InceptionResNetSpec(
            stem="v1",
            inception_a=((32,), (32, 32), (32, 32, 32)),
            reduction_a=(192, 192, 256, 384),
            inception_b=((128,), (128, 128, 128)),
            reduction_b=((256, 384), (256, 256), (256, 256, 256)),
            inception_c=((192,), (192, 192, 192)),
        ),
        "inception_resnet_v2": InceptionResNetSpec(),
        "inception_resnet_v2_released": _RELEASED,
        "se_inception_resnet_v2": replace(_RELEASED, se_reduction=16),
    },
    facts=(
        *printed_sizes("inception_resnet_v1", "Fig. 14", _FIG_14),
        *printed_sizes("inception_resnet_v1", "Fig. 15", _FIG_15),
        *_figures_16_to_19(),
        Fact(
            "inception_resnet_v2_released",
            "mult_adds",
            "11.75e9",
            HU2018,
            "Table 2, re-implementation",
            _REBUILT,
        ),
        Fact("se_inception_resnet_v2", "mult_adds", "11.76e9", HU2018, "Table 2", _REBUILT),
    ),
    widths=(0.25, 0.5, 1.0),
)
