"""SENet: timm's legacy nets, which follow the authors' released files."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source
from convatlas.foreign.resnet import projection


def _layers(net: nn.Module) -> Iterator[Pair]:
    stem = [name for name, _ in net.get_submodule("stem").named_children() if name != "pool"]
    for place, name in enumerate(stem, start=1):
        yield from conv_norm(f"stem.{name}", f"layer0.conv{place}", f"layer0.bn{place}")
    for number, (name, stage) in enumerate(net.get_submodule("stages").named_children(), start=1):
        for i, unit in enumerate(stage.children()):
            ours, theirs = f"stages.{name}.{i}", f"layer{number}.{i}"
            for place, part in enumerate(("reduce", "spatial", "restore"), start=1):
                layer = f"{ours}.layers.{part}"
                yield from conv_norm(layer, f"{theirs}.conv{place}", f"{theirs}.bn{place}")
            yield f"{ours}.layers.gates.reduce", f"{theirs}.se_module.fc1"
            yield f"{ours}.layers.gates.expand", f"{theirs}.se_module.fc2"
            yield from projection(unit, f"{ours}.shortcut", f"{theirs}.downsample")
    dropped = isinstance(net.get_submodule("classifier"), nn.Sequential)
    yield "classifier.fc" if dropped else "classifier", "last_linear"


_NAMES = {
    "se_resnet50": "legacy_seresnet50",
    "se_resnet101": "legacy_seresnet101",
    "se_resnet152": "legacy_seresnet152",
    "se_resnext50_32x4d": "legacy_seresnext50_32x4d",
    "se_resnext101_32x4d": "legacy_seresnext101_32x4d",
    "senet154": "legacy_senet154",
}
SOURCES = (Source(library="timm", variants=_NAMES, layers=_layers),)
