"""Inception v3: torchvision and timm call its layers alike, after the TensorFlow release."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

_STEM = (
    ("convs.0", "Conv2d_1a_3x3"),
    ("convs.1", "Conv2d_2a_3x3"),
    ("convs.2", "Conv2d_2b_3x3"),
    ("more.0", "Conv2d_3b_1x1"),
    ("more.1", "Conv2d_4a_3x3"),
)
_POOL = (("conv1x1.0", "branch1x1"), ("pool.project.0", "branch_pool"))
# our branch -> theirs, by our stage; a branch's layers are numbered from 0 here, from 1 there
_CHAINS = {
    "inception_a": {"conv5x5": ("branch5x5", 2), "conv3x3": ("branch3x3dbl", 3)},
    "reduction_a": {"double3x3": ("branch3x3dbl", 3)},
    "inception_b": {"conv7x7": ("branch7x7", 3), "double7x7": ("branch7x7dbl", 5)},
    "reduction_b": {"conv3x3": ("branch3x3", 2), "conv7x7": ("branch7x7x3", 4)},
}
_OTHERS = {
    "inception_a": _POOL,
    "reduction_a": (("conv3x3.0", "branch3x3"),),
    "inception_b": _POOL,
    "inception_c": (
        *_POOL,
        ("conv3x3.reduce.0", "branch3x3_1"),
        ("conv3x3.split.branches.wide.0", "branch3x3_2a"),
        ("conv3x3.split.branches.tall.0", "branch3x3_2b"),
        ("double3x3.reduce.0", "branch3x3dbl_1"),
        ("double3x3.reduce.1", "branch3x3dbl_2"),
        ("double3x3.split.branches.wide.0", "branch3x3dbl_3a"),
        ("double3x3.split.branches.tall.0", "branch3x3dbl_3b"),
    ),
}
_MODULES = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")


def _layers(net: nn.Module) -> Iterator[Pair]:
    for ours, theirs in _STEM:
        yield from conv_norm(f"stem.{ours}", f"{theirs}.conv", f"{theirs}.bn")
    stages = [name for name, _ in net.get_submodule("stages").named_children()]
    for stage, module in zip(stages, _MODULES, strict=True):
        for ours, layer in _of_a_module(stage.rstrip("12345")):
            theirs = f"Mixed_{module}.{layer}"
            yield from conv_norm(
                f"stages.{stage}.branches.{ours}", f"{theirs}.conv", f"{theirs}.bn"
            )
    yield "classifier.linear", "fc"


def _of_a_module(kind: str) -> Iterator[Pair]:
    for ours, (theirs, layers) in _CHAINS.get(kind, {}).items():
        for i in range(layers):
            yield f"{ours}.{i}", f"{theirs}_{i + 1}"
    yield from _OTHERS.get(kind, ())


_VARIANTS = {"inception_v3": "inception_v3"}
_HALF = (0.5, 0.5, 0.5)
SOURCES = (
    Source(
        library="torchvision",
        variants=_VARIANTS,
        layers=_layers,
        ignored=("AuxLogits.",),
        mean=_HALF,
        std=_HALF,
    ),
    Source(
        library="timm",
        variants=_VARIANTS,
        layers=_layers,
        ignored=("AuxLogits.",),
        mean=_HALF,
        std=_HALF,
    ),
)
