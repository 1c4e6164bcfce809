"""AlexNet: torchvision's is the one-tower net; it numbers ReLUs, pools and dropouts too."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield "stem.conv", "features.0"
    for number, theirs in ((2, 3), (3, 6), (4, 8), (5, 10)):
        yield f"stages.conv{number}.conv", f"features.{theirs}"
    for number, theirs in ((6, 1), (7, 4), (8, 6)):
        yield f"classifier.fc{number}", f"classifier.{theirs}"


SOURCES = (Source(library="torchvision", variants={"alexnet_owt": "alexnet"}, layers=_layers),)
