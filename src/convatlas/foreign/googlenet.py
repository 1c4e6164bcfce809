"""GoogLeNet: torchvision's is `googlenet_3x3`, its branches numbered in the order of Fig. 2b."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source

_BRANCHES = (
    ("conv1x1", "branch1"),
    ("conv3x3.reduce", "branch2.0"),
    ("conv3x3.conv", "branch2.1"),
    ("conv5x5.reduce", "branch3.0"),
    ("conv5x5.conv", "branch3.1"),
    ("pool.project", "branch4.1"),
)


def _layers(net: nn.Module) -> Iterator[Pair]:
    for ours, theirs in (("conv1", "conv1"), ("conv2.reduce", "conv2"), ("conv2.conv", "conv3")):
        yield from conv_norm(f"stem.{ours}", f"{theirs}.conv", f"{theirs}.bn")
    for name, _ in net.get_submodule("stages").named_children():
        if name.startswith("inception"):
            for ours, branch in _BRANCHES:
                theirs = f"{name.replace('_', '')}.{branch}"
                path = f"stages.{name}.branches.{ours}"
                yield from conv_norm(path, f"{theirs}.conv", f"{theirs}.bn")
    yield "classifier.linear", "fc"


SOURCES = (
    Source(
        library="torchvision",
        variants={"googlenet_3x3": "googlenet"},
        layers=_layers,
        ignored=("aux1.", "aux2."),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
)
