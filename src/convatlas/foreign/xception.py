"""Xception: timm numbers the blocks of all three flows through."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem.0", "conv1", "bn1")
    yield from conv_norm("stem.1", "conv2", "bn2")
    modules = [
        name
        for name, module in net.named_modules()
        if name.startswith("stages.") and hasattr(module, "body")
    ]
    for number, ours in enumerate(modules, start=1):
        theirs = f"block{number}"
        convs = [n for n, _ in net.get_submodule(f"{ours}.body").named_children()]
        for i, name in enumerate(convs):
            if name.startswith("separable"):
                yield from _separable(f"{ours}.body.{name}", f"{theirs}.rep.{i}")
            elif name.startswith("norm"):
                yield f"{ours}.body.{name}", f"{theirs}.rep.{i}"
        if list(net.get_submodule(f"{ours}.shortcut").children()):
            yield from conv_norm(f"{ours}.shortcut", f"{theirs}.skip", f"{theirs}.skipbn")
    for i, number in ((1, 3), (2, 4)):
        yield from _separable(f"stages.exit.{i}.separable", f"conv{number}")
        yield f"stages.exit.{i}.norm", f"bn{number}"
    yield "classifier", "fc"


def _separable(ours: str, theirs: str) -> Iterator[Pair]:
    yield f"{ours}.depthwise", f"{theirs}.conv1"
    yield f"{ours}.pointwise", f"{theirs}.pointwise"


SOURCES = (
    Source(
        library="timm",
        variants={"xception": "legacy_xception"},
        layers=_layers,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=0.8975,
    ),
)
