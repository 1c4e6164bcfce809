"""VGG: both libraries number all layers of the stages through, ReLUs and pools too."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair
from convatlas.foreign._source import Source


def _stages(net: nn.Module) -> Iterator[Pair]:
    number = 0
    for stage, layers in net.get_submodule("stages").named_children():
        for name, layer in layers.named_children():
            if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
                yield f"stages.{stage}.{name}", f"features.{number}"
            number += 1


def _torchvision(net: nn.Module) -> Iterator[Pair]:
    yield from _stages(net)
    for number, theirs in ((6, 0), (7, 3), (8, 6)):
        yield f"classifier.fc{number}", f"classifier.{theirs}"


def _timm(net: nn.Module) -> Iterator[Pair]:
    """Its first two linear layers are convolutions of 7x7 and 1x1."""
    yield from _stages(net)
    yield "classifier.fc6", "pre_logits.fc1"
    yield "classifier.fc7", "pre_logits.fc2"
    yield "classifier.fc8", "head.fc"


_COLUMNS = {"vgg_a": "vgg11", "vgg_b": "vgg13", "vgg_d": "vgg16", "vgg_e": "vgg19"}
_VARIANTS = {
    f"{ours}{norm}": f"{theirs}{norm}" for ours, theirs in _COLUMNS.items() for norm in ("", "_bn")
}
SOURCES = (
    Source(library="torchvision", variants=_VARIANTS, layers=_torchvision),
    Source(library="timm", variants=_VARIANTS, layers=_timm),
)
