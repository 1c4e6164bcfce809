"""NASNet-A 6 @ 4032: timm's cells have numbers, and the parts of a pair left and right."""

from collections.abc import Iterator

from torch import nn

from convatlas.foreign._pairs import Pair, conv_norm
from convatlas.foreign._source import Source
from convatlas.layers import Cell, FactorisedReduction, ReluSeparable


def _layers(net: nn.Module) -> Iterator[Pair]:
    yield from conv_norm("stem", "conv0.conv", "conv0.bn")
    for name, cell in net.get_submodule("stages").named_children():
        if isinstance(cell, Cell):
            yield from _cell(f"stages.{name}", _theirs(name), cell)
    yield "classifier.linear", "last_linear"


def _theirs(name: str) -> str:
    """Their name of our cell; they count from 0."""
    kind, number = name.rstrip("0123456789"), int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
    prefix = {"stem": "cell_stem", "normal": "cell", "reduction": "reduction_cell"}[kind]
    return f"{prefix}_{number - 1}"


def _cell(ours: str, theirs: str, cell: Cell) -> Iterator[Pair]:
    yield from conv_norm(f"{ours}.current.conv", f"{theirs}.conv_1x1.conv", f"{theirs}.conv_1x1.bn")
    if isinstance(cell.previous, FactorisedReduction):
        yield f"{ours}.previous.unshifted", f"{theirs}.path_1.conv"
        yield f"{ours}.previous.shifted", f"{theirs}.path_2.conv"
        yield f"{ours}.previous.norm", f"{theirs}.final_path_bn"
    elif not isinstance(cell.previous, nn.Identity):
        prev = f"{theirs}.conv_prev_1x1"
        yield from conv_norm(f"{ours}.previous.conv", f"{prev}.conv", f"{prev}.bn")
    for column in ("left", "right"):
        for i, operation in enumerate(cell.get_submodule(column).children()):
            branch = f"{theirs}.comb_iter_{i}_{column}"
            for number, part in enumerate(("first", "second"), start=1):
                if isinstance(getattr(operation, part, None), ReluSeparable):
                    half, separable = f"{ours}.{column}.{i}.{part}", f"{branch}.separable_{number}"
                    yield f"{half}.conv.depthwise", f"{separable}.depthwise_conv2d"
                    yield f"{half}.conv.pointwise", f"{separable}.pointwise_conv2d"
                    yield f"{half}.norm", f"{branch}.bn_sep_{number}"


SOURCES = (
    Source(
        library="timm",
        variants={"nasnet_a_6_4032_zero_edges": "nasnetalarge"},
        layers=_layers,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_share=0.911,
    ),
)
