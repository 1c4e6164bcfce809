"""EfficientNet: torchvision's nets pad symmetrically; timm has both paddings under two names."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source


def _blocks(net: nn.Module) -> Iterator[tuple[str, int, int, bool]]:
    """Path of each block, its stage's and its own number from 0, whether it expands."""
    stages = [n for n, _ in net.get_submodule("stages").named_children() if n != "last"]
    for stage, name in enumerate(stages):
        for i, block in enumerate(net.get_submodule(f"stages.{name}").children()):
            expands = not isinstance(block.get_submodule("expand"), nn.Identity)
            yield f"stages.{name}.{i}", stage, i, expands


def _torchvision(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem.conv", "features.0.0", "features.0.1")
    for ours, stage, i, expands in _blocks(net):
        theirs, part = f"features.{stage + 1}.{i}.block", 0
        if expands:
            yield from conv_norm(f"{ours}.expand", f"{theirs}.0.0", f"{theirs}.0.1")
            part = 1
        yield from conv_norm(f"{ours}.depthwise", f"{theirs}.{part}.0", f"{theirs}.{part}.1")
        yield f"{ours}.excite.reduce", f"{theirs}.{part + 1}.fc1"
        yield f"{ours}.excite.expand", f"{theirs}.{part + 1}.fc2"
        yield from conv_norm(f"{ours}.project", f"{theirs}.{part + 2}.0", f"{theirs}.{part + 2}.1")
    yield from conv_norm("stages.last", f"features.{stage + 2}.0", f"features.{stage + 2}.1")
    yield "classifier.linear", "classifier.1"


def _timm(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem.conv", "conv_stem", "bn1")
    for ours, stage, i, expands in _blocks(net):
        theirs = f"blocks.{stage}.{i}"
        if expands:
            yield from conv_norm(f"{ours}.expand", f"{theirs}.conv_pw", f"{theirs}.bn1")
            yield from conv_norm(f"{ours}.depthwise", f"{theirs}.conv_dw", f"{theirs}.bn2")
            yield from conv_norm(f"{ours}.project", f"{theirs}.conv_pwl", f"{theirs}.bn3")
        else:
            yield from conv_norm(f"{ours}.depthwise", f"{theirs}.conv_dw", f"{theirs}.bn1")
            yield from conv_norm(f"{ours}.project", f"{theirs}.conv_pw", f"{theirs}.bn2")
        yield f"{ours}.excite.reduce", f"{theirs}.se.conv_reduce"
        yield f"{ours}.excite.expand", f"{theirs}.se.conv_expand"
    yield from conv_norm("stages.last", "conv_head", "bn2")
    yield "classifier.linear", "classifier"


# Share of the image that is cropped, and the side where it is not the paper's: of several weights
# of a net, those that the library offers first.
_SYMMETRIC_TORCHVISION = {
    "b0": (224 / 256, None),
    "b1": (240 / 255, None),
    "b2": (1.0, 288),
    "b3": (300 / 320, None),
    "b4": (380 / 384, None),
    "b5": (1.0, None),
    "b6": (1.0, None),
    "b7": (1.0, None),
}
_SYMMETRIC_TIMM = {"b0": (0.875, None), "b2": (0.875, 256), "b3": (0.875, 288), "b4": (0.875, 320)}
_SAME_TIMM = {
    "b0": 0.875,
    "b1": 0.882,
    "b2": 0.89,
    "b3": 0.904,
    "b4": 0.922,
    "b5": 0.934,
    "b6": 0.942,
    "b7": 0.949,
}
SOURCES = (
    *(
        Source(
            library="torchvision",
            variants={f"efficientnet_{size}_symmetric": f"efficientnet_{size}"},
            layers=_torchvision,
            crop_share=crop_share,
            input_side=side,
        )
        for size, (crop_share, side) in _SYMMETRIC_TORCHVISION.items()
    ),
    *(
        Source(
            library="timm",
            variants={f"efficientnet_{size}_symmetric": f"efficientnet_{size}"},
            layers=_timm,
            crop_share=crop_share,
            input_side=side,
        )
        for size, (crop_share, side) in _SYMMETRIC_TIMM.items()
    ),
    Source(
        library="timm",
        variants={"efficientnet_b1_symmetric": "efficientnet_b1"},
        layers=_timm,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=0.9,
    ),
    *(
        Source(
            library="timm",
            variants={f"efficientnet_{size}": f"tf_efficientnet_{size}"},
            layers=_timm,
            crop_share=crop_share,
        )
        for size, crop_share in _SAME_TIMM.items()
    ),
)
