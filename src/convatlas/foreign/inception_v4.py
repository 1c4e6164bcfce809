"""Inception v4: timm numbers modules through and branches by their place."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

# our branch -> the convolutions of theirs
_STEM = {
    "convs": ("0", "1", "2"),
    "halve1.branches.conv": ("3.conv",),
    "factored.branches.short": ("4.branch0.0", "4.branch0.1"),
    "factored.branches.long": ("4.branch1.0", "4.branch1.1", "4.branch1.2", "4.branch1.3"),
    "halve2.branches.conv": ("5.conv",),
}
_MODULES = {
    "inception_a": {
        "conv1x1": ("branch0",),
        "conv3x3": ("branch1.0", "branch1.1"),
        "double3x3": ("branch2.0", "branch2.1", "branch2.2"),
        "pool.project": ("branch3.1",),
    },
    "reduction_a": {
        "conv3x3": ("branch0",),
        "double3x3": ("branch1.0", "branch1.1", "branch1.2"),
    },
    "inception_b": {
        "conv1x1": ("branch0",),
        "conv7x7": ("branch1.0", "branch1.1", "branch1.2"),
        "double7x7": ("branch2.0", "branch2.1", "branch2.2", "branch2.3", "branch2.4"),
        "pool.project": ("branch3.1",),
    },
    "reduction_b": {
        "conv3x3": ("branch0.0", "branch0.1"),
        "conv7x7": ("branch1.0", "branch1.1", "branch1.2", "branch1.3"),
    },
    "inception_c": {
        "conv1x1": ("branch0",),
        "conv3x3.reduce": ("branch1_0",),
        "conv3x3.split.branches.wide": ("branch1_1a",),
        "conv3x3.split.branches.tall": ("branch1_1b",),
        "double3x3.reduce": ("branch2_0", "branch2_1", "branch2_2"),
        "double3x3.split.branches.wide": ("branch2_3a",),
        "double3x3.split.branches.tall": ("branch2_3b",),
        "pool.project": ("branch3.1",),
    },
}


def _layers(net: nn.Module) -> Iterator[Pair]:
    for branch, theirs in _STEM.items():
        yield from _branch(f"stem.{branch}", "features", theirs)
    number = 6  # the stem ends with 5
    for name, stage in net.get_submodule("stages").named_children():
        group = [name]
        if name.startswith("inception"):
            group = [f"{name}.{i}" for i in range(len(list(stage.children())))]
        for module in group:
            for branch, theirs in _MODULES[name].items():
                ours = f"stages.{module}.branches.{branch}"
                yield from _branch(ours, f"features.{number}", theirs)
            number += 1
    yield "classifier", "last_linear"


def _branch(ours: str, module: str, theirs: tuple[str, ...]) -> Iterator[Pair]:
    for i, layer in enumerate(theirs):
        yield from conv_norm(f"{ours}.{i}", f"{module}.{layer}.conv", f"{module}.{layer}.bn")


SOURCES = (
    Source(
        library="timm",
        variants={"inception_v4": "inception_v4"},
        layers=_layers,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
)
