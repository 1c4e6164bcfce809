"""DenseNet: torchvision and timm call its layers alike."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem.conv", "features.conv0", "features.norm0")
    for name, stage in net.get_submodule("stages").named_children():
        if name.startswith("transition"):
            theirs = f"features.{name}"
            yield from conv_norm(f"stages.{name}.compress", f"{theirs}.conv", f"{theirs}.norm")
            continue
        for i in range(len(list(stage.children()))):
            ours, theirs = f"stages.{name}.{i}.layers", f"features.dense{name}.denselayer{i + 1}"
            yield from conv_norm(f"{ours}.bottleneck", f"{theirs}.conv1", f"{theirs}.norm1")
            yield from conv_norm(f"{ours}.grow", f"{theirs}.conv2", f"{theirs}.norm2")
    yield "pool.norm", "features.norm5"
    yield "classifier", "classifier"


_VARIANTS = {
    "densenet121": "densenet121",
    "densenet161_k48": "densenet161",
    "densenet169": "densenet169",
    "densenet201": "densenet201",
}
# Until 2018 a dense layer's parts were called norm.1, conv.1, norm.2, conv.2.
_RENAMED = ((r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),)
SOURCES = (
    Source(library="torchvision", variants=_VARIANTS, layers=_layers, renamed=_RENAMED),
    Source(library="timm", variants=_VARIANTS, layers=_layers, renamed=_RENAMED),
)
