"""ResNet: torchvision and timm call its layers alike; their bottlenecks stride in the 3x3."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

_BASIC = ("first", "second")
_BOTTLENECK = ("reduce", "spatial", "restore")


def residual_layers(net: nn.Module) -> Iterator[Pair]:
    """The layers of a ResNet or a ResNeXt."""
    yield from conv_norm("stem.conv1", "conv1", "bn1")
    for number, (name, stage) in enumerate(net.get_submodule("stages").named_children(), start=1):
        for i, unit in enumerate(stage.children()):
            ours, theirs = f"stages.{name}.{i}", f"layer{number}.{i}"
            parts = _BASIC if hasattr(unit, "first") else _BOTTLENECK
            for place, part in enumerate(parts, start=1):
                yield from conv_norm(
                    f"{ours}.{part}", f"{theirs}.conv{place}", f"{theirs}.bn{place}"
                )
            yield from projection(unit, f"{ours}.shortcut", f"{theirs}.downsample")
    yield "classifier", "fc"


def projection(unit: nn.Module, ours: str, theirs: str) -> Iterator[Pair]:
    """The shortcut of a unit that projects; nothing of one that does not."""
    if not isinstance(unit.shortcut, nn.Identity):
        yield from conv_norm(ours, f"{theirs}.0", f"{theirs}.1")


_PLAIN = {"resnet18": "resnet18", "resnet34": "resnet34"}
_V15 = {
    "resnet50_v15": "resnet50",
    "resnet101_v15": "resnet101",
    "resnet152_v15": "resnet152",
}
_DEEPER = {"resnet200_v15": "resnet200"}
SOURCES = (
    Source(library="torchvision", variants=_PLAIN, layers=residual_layers),
    Source(library="torchvision", variants=_V15, layers=residual_layers, crop_share=224 / 232),
    Source(
        library="timm",
        variants={**_PLAIN, **_V15, **_DEEPER},
        layers=residual_layers,
        crop_share=0.95,
    ),
)
