"""SqueezeNet: torchvision numbers all layers through, ReLUs and pools too."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield "stem.conv", "features.0"
    # 1 is the stem's ReLU; our stages begin with the pool after it
    for number, (name, _) in enumerate(net.get_submodule("stages").named_children(), start=2):
        if name.startswith("fire"):
            for part in ("squeeze", "expand1x1", "expand3x3"):
                yield f"stages.{name}.{part}.conv", f"features.{number}.{part}"
    yield "classifier.conv10", "classifier.1"


_NAMES = {"squeezenet_1_0": "squeezenet1_0", "squeezenet_1_1": "squeezenet1_1"}
SOURCES = (Source(library="torchvision", variants=_NAMES, layers=_layers, input_side=224),)
