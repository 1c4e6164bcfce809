"""MobileNet v2: torchvision numbers all blocks through, timm by the rows of the paper's table."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source


def _groups(net: nn.Module) -> Iterator[tuple[str, int]]:
    """Path and number of blocks of each row of Table 2."""
    for name, stage in net.get_submodule("stages").named_children():
        if name != "last":
            yield f"stages.{name}", len(list(stage.children()))


def _torchvision(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem", "features.0.0", "features.0.1")
    blocks = [f"{group}.{i}" for group, depth in _groups(net) for i in range(depth)]
    for number, ours in enumerate(blocks, start=1):
        theirs, part = f"features.{number}.conv", 0
        if number > 1:  # the first block has nothing to expand
            yield from conv_norm(f"{ours}.expand", f"{theirs}.0.0", f"{theirs}.0.1")
            part = 1
        yield from conv_norm(f"{ours}.depthwise", f"{theirs}.{part}.0", f"{theirs}.{part}.1")
        yield from conv_norm(f"{ours}.project", f"{theirs}.{part + 1}", f"{theirs}.{part + 2}")
    last = f"features.{len(blocks) + 1}"
    yield from conv_norm("stages.last", f"{last}.0", f"{last}.1")
    yield "classifier", "classifier.1"


def _timm(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem", "conv_stem", "bn1")
    for row, (group, depth) in enumerate(_groups(net)):
        for i in range(depth):
            ours, theirs = f"{group}.{i}", f"blocks.{row}.{i}"
            if row == 0:  # nothing to expand
                yield from conv_norm(f"{ours}.depthwise", f"{theirs}.conv_dw", f"{theirs}.bn1")
                yield from conv_norm(f"{ours}.project", f"{theirs}.conv_pw", f"{theirs}.bn2")
                continue
            yield from conv_norm(f"{ours}.expand", f"{theirs}.conv_pw", f"{theirs}.bn1")
            yield from conv_norm(f"{ours}.depthwise", f"{theirs}.conv_dw", f"{theirs}.bn2")
            yield from conv_norm(f"{ours}.project", f"{theirs}.conv_pwl", f"{theirs}.bn3")
    yield from conv_norm("stages.last", "conv_head", "bn2")
    yield "classifier", "classifier"


SOURCES = (
    Source(library="torchvision", variants={"mobilenet_v2": "mobilenet_v2"}, layers=_torchvision),
    Source(
        library="timm",
        variants={
            "mobilenet_v2": "mobilenetv2_100",
            "mobilenet_v2_w140": "mobilenetv2_140",
            "mobilenet_v2_w075": "mobilenetv2_075",
            "mobilenet_v2_w050": "mobilenetv2_050",
            "mobilenet_v2_w035": "mobilenetv2_035",
        },
        layers=_timm,
    ),
)
