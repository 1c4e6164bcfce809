"""Pre-activation ResNet: timm's unit names its norms and convolutions in running order."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield "stem.conv1", "stem.conv"
    for number, stage in enumerate(net.get_submodule("stages").children()):
        for i, unit in enumerate(stage.children()):
            ours, theirs = f"stages.stage{number + 1}.{i}", f"stages.{number}.blocks.{i}"
            if i == 0:  # its first norm stands before the projection too
                yield f"{ours}.shared.norm", f"{theirs}.norm1"
                yield f"{ours}.branch.layer1", f"{theirs}.conv1"
                yield f"{ours}.shortcut", f"{theirs}.downsample.conv"
            for layer in range(
                2 if i == 0 else 1, len(list(unit.get_submodule("branch").children())) + 1
            ):
                yield f"{ours}.branch.layer{layer}.norm", f"{theirs}.norm{layer}"
                yield f"{ours}.branch.layer{layer}.conv", f"{theirs}.conv{layer}"
    yield "pool.norm", "norm"
    yield "classifier", "head.fc"


_VARIANTS = {f"resnetv2_{depth}": f"resnetv2_{depth}" for depth in (50, 101, 152)}
SOURCES = (
    Source(
        library="timm",
        variants=_VARIANTS,
        layers=_layers,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=0.95,
    ),
)
