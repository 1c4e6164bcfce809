"""ShuffleNet v2: torchvision's branch1 is the shortcut at stride 2, branch2 the three layers."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

_SIZES = ("x0_5", "x1_0", "x1_5", "x2_0")


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem.0", "conv1.0", "conv1.1")
    for name, stage in net.get_submodule("stages").named_children():
        if name == "conv5":
            yield from conv_norm("stages.conv5", "conv5.0", "conv5.1")
            continue
        for i in range(len(list(stage.children()))):
            ours, theirs = f"stages.{name}.{i}", f"{name}.{i}"
            if i == 0:
                branch = f"{theirs}.branch1"
                yield from conv_norm(f"{ours}.shortcut.0", f"{branch}.0", f"{branch}.1")
                yield from conv_norm(f"{ours}.shortcut.1", f"{branch}.2", f"{branch}.3")
            branch = f"{theirs}.branch2"  # 2 and 7 are ReLU
            yield from conv_norm(f"{ours}.branch.0", f"{branch}.0", f"{branch}.1")
            yield from conv_norm(f"{ours}.branch.1", f"{branch}.3", f"{branch}.4")
            yield from conv_norm(f"{ours}.branch.2", f"{branch}.5", f"{branch}.6")
    yield "classifier", "fc"


_NAMES = {f"shufflenet_v2_{size}": f"shufflenet_v2_{size}" for size in _SIZES}
SOURCES = (Source(library="torchvision", variants=_NAMES, layers=_layers),)
