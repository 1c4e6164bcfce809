"""Inception-ResNet v2 as released: timm calls the modules by TF-slim's names."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

_STEM = {
    "before.0": "conv2d_1a",
    "before.1": "conv2d_2a",
    "before.2": "conv2d_2b",
    "after.0": "conv2d_3b",
    "after.1": "conv2d_4a",
}
# of a module: our branch -> theirs, and how many convolutions it has
_MIXED = {
    "conv1x1": ("branch0", 1),
    "conv5x5": ("branch1", 2),
    "double3x3": ("branch2", 3),
}
_REDUCTION_A = {"conv3x3": ("branch0", 1), "double3x3": ("branch1", 3)}
_REDUCTION_B = {"branch1": ("branch0", 2), "branch2": ("branch1", 2), "branch3": ("branch2", 3)}
_RESIDUAL = {
    "inception_a": {
        "branch1": ("branch0", 1),
        "branch2": ("branch1", 2),
        "branch3": ("branch2", 3),
    },
    "inception_b": {"branch1": ("branch0", 1), "branch2": ("branch1", 3)},
    "inception_c": {"branch1": ("branch0", 1), "branch2": ("branch1", 3)},
}
_GROUPS = {"inception_a": "repeat", "inception_b": "repeat_1", "inception_c": "repeat_2"}


def _layers(net: nn.Module) -> Iterator[Pair]:
    for ours, theirs in _STEM.items():
        yield from _conv(f"stem.{ours}", theirs)
    yield from _module("stem.mixed", "mixed_5b", _MIXED)
    yield from _conv("stem.mixed.branches.pool.project.0", "mixed_5b.branch3.1")
    yield from _module("stages.reduction_a", "mixed_6a", _REDUCTION_A)
    yield from _module("stages.reduction_b", "mixed_7a", _REDUCTION_B)
    for stage, group in _GROUPS.items():
        number = len(list(net.get_submodule(f"stages.{stage}").children()))
        for i in range(number):
            ours, theirs = f"stages.{stage}.{i}", f"{group}.{i}"
            if stage == "inception_c" and i == number - 1:
                theirs = "block8"
            yield from _module(f"{ours}.branches", theirs, _RESIDUAL[stage])
            yield f"{ours}.linear", f"{theirs}.conv2d"
    yield from _conv("stages.last.0", "conv2d_7b")
    yield "classifier", "classif"


def _module(ours: str, theirs: str, branches: dict[str, tuple[str, int]]) -> Iterator[Pair]:
    for branch, (name, number) in branches.items():
        for i in range(number):
            layer = name if number == 1 else f"{name}.{i}"
            yield from _conv(f"{ours}.branches.{branch}.{i}", f"{theirs}.{layer}")


def _conv(ours: str, theirs: str) -> Iterator[Pair]:
    yield from conv_norm(ours, f"{theirs}.conv", f"{theirs}.bn")


SOURCES = (
    Source(
        library="timm",
        variants={"inception_resnet_v2_released": "inception_resnet_v2"},
        layers=_layers,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=0.8975,
    ),
)
