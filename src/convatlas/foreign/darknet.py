"""DarkNet-53: timm counts the stages from the first that halves the side."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield from _conv("stem.conv1", "stem.conv1")
    for number, (stage, layers) in enumerate(net.get_submodule("stages").named_children()):
        yield from _conv(f"stages.{stage}.conv1", f"stages.{number}.conv_down")
        units = [name for name, _ in layers.named_children() if name.startswith("unit")]
        for i, unit in enumerate(units):
            ours, theirs = f"stages.{stage}.{unit}", f"stages.{number}.blocks.{i}"
            yield from _conv(f"{ours}.reduce", f"{theirs}.conv1")
            yield from _conv(f"{ours}.spatial", f"{theirs}.conv2")
    yield "classifier.logits", "head.fc"


def _conv(ours: str, theirs: str) -> Iterator[Pair]:
    return conv_norm(ours, f"{theirs}.conv", f"{theirs}.bn")


SOURCES = (
    Source(
        library="timm",
        variants={"darknet53_timm": "darknet53"},
        layers=_layers,
        crop_share=0.887,
    ),
)
