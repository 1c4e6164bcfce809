"""He et al. 2016: Table 1 (ImageNet), Tables 2 and 3 (shortcuts)."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import ZeroPadShortcut
from convatlas.models.resnet import FAMILY as IMAGENET
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers

# Table 1. Each stage's units; the layers of a net are its convolutions and the classifier.
SIDES = {"conv2_x": 56, "conv3_x": 28, "conv4_x": 14, "conv5_x": 7}
TABLE_1 = {
    #                layers, units per stage, params, mult-adds, params of conv2_x .. conv5_x
    "plain18": (18, (2, 2, 2, 2), 11_515_688, 1.795e9, (147_968, 517_120, 2_066_432, 8_261_632)),
    "plain34": (34, (3, 4, 6, 3), 21_623_848, 3.644e9, (221_952, 1_107_968, 6_789_120, 12_982_272)),
    "resnet18_a": (18, (2, 2, 2, 2), 11_515_688, 1.795e9, (147_968, 517_120, 2_066_432, 8_261_632)),
    "resnet34_a": (
        34,
        (3, 4, 6, 3),
        21_623_848,
        3.644e9,
        (221_952, 1_107_968, 6_789_120, 12_982_272),
    ),
    "resnet18": (18, (2, 2, 2, 2), 11_689_512, 1.814e9, (147_968, 525_568, 2_099_712, 8_393_728)),
    "resnet34": (
        34,
        (3, 4, 6, 3),
        21_797_672,
        3.664e9,
        (221_952, 1_116_416, 6_822_400, 13_114_368),
    ),
    "resnet34_c": (
        34,
        (3, 4, 6, 3),
        22_716_840,
        3.831e9,
        (234_624, 1_166_336, 7_152_640, 13_640_704),
    ),
    "resnet50": (
        50,
        (3, 4, 6, 3),
        25_557_032,
        3.858e9,
        (215_808, 1_219_584, 7_098_368, 14_964_736),
    ),
    "resnet101": (
        101,
        (3, 4, 23, 3),
        44_549_160,
        7.570e9,
        (215_808, 1_219_584, 26_090_496, 14_964_736),
    ),
    "resnet152": (
        152,
        (3, 8, 36, 3),
        60_192_808,
        11.282e9,
        (215_808, 2_339_840, 40_613_888, 14_964_736),
    ),
    # Not of Table 1: the 200 layers that He et al. 2016b compare with pre-activation.
    "resnet200": (
        200,
        (3, 24, 36, 3),
        64_673_832,
        14.776e9,
        (215_808, 6_820_864, 40_613_888, 14_964_736),
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "resnet200" else n for n in TABLE_1],
)
def test_table_1(name: str):
    layers, units, total, operations, stage_params = TABLE_1[name]
    net = on_meta(name)
    rows = stage_rows(name)
    expansion = 4 if layers >= 50 else 1
    assert [(stage, side) for stage, side, _, _ in rows] == list(SIDES.items())
    assert [channels for _, _, channels, _ in rows] == [c * expansion for c in (64, 128, 256, 512)]
    assert tuple(p for *_, p in rows) == stage_params
    assert tuple(len(stage) for stage in net.stages) == units
    assert params(net) == total
    assert round(mult_adds(name) / 1e6) == round(operations / 1e6)
    assert weighted_layers(net) == layers


@pytest.mark.parametrize(
    "fact",
    IMAGENET.facts,
    ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}-{f.paper.key}",
)
def test_printed_figure(fact):
    if fact.quantity == "mult_adds":
        measured = mult_adds(fact.variant)
    else:
        count = {"params": params, "layers": weighted_layers}[fact.quantity]
        measured = count(on_meta(fact.variant))
    assert (fact.verdict(measured) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("name", "printed"), [("resnet50", "3.86e9"), ("resnet101", "7.58e9"), ("resnet152", "11.30e9")]
)
def test_hu2018_counts_the_additions(name: str, printed: str):
    """The cause named for the two figures that differ explains all three of that table."""
    depths = [len(stage) for stage in on_meta(name).stages]
    additions = sum(
        depth * side**2 * channels
        for depth, (_, side, channels, _) in zip(depths, stage_rows(name), strict=True)
    )
    assert compare(printed, mult_adds(name) + additions) == "rounds"


def test_the_stride_is_on_the_first_1x1():
    """The classic mistake: equal parameters, 6 % more mult-adds."""
    for name, reduce, spatial in (("resnet50", (2, 2), (1, 1)), ("resnet50_v15", (1, 1), (2, 2))):
        for stage in on_meta(name).stages[1:]:
            assert (stage[0].reduce.conv.stride, stage[0].spatial.conv.stride) == (reduce, spatial)
            assert stage[0].shortcut.conv.stride == (2, 2)
    for depth, operations in ((50, 4.089e9), (101, 7.801e9), (152, 11.514e9)):
        v15 = f"resnet{depth}_v15"
        assert stage_rows(v15) == stage_rows(f"resnet{depth}")
        assert round(mult_adds(v15) / 1e6) == round(operations / 1e6)


def test_shortcuts_of_34_layers():
    """Sec. 4.1: A has no parameters, B projects at the 3 halvings, C has 13 projections more."""
    projected = {
        name: [
            unit.shortcut
            for unit in units(on_meta(name))
            if unit.shortcut is not None and params(unit.shortcut)
        ]
        for name in ("plain34", "resnet34_a", "resnet34", "resnet34_c")
    }
    assert [len(found) for found in projected.values()] == [0, 0, 3, 3 + 13]
    padded = [isinstance(unit.shortcut, ZeroPadShortcut) for unit in units(on_meta("resnet34_a"))]
    assert [i for i, is_padded in enumerate(padded) if is_padded] == [3, 7, 13]
    assert all(unit.shortcut is None for unit in units(on_meta("plain34")))


@pytest.mark.parametrize("name", ["resnet18_small"])
def test_nets_for_small_images(name: str):
    assert models.spec_of(name).num_classes == 10
    before = 0
    for width in (0.25, 0.5, 1.0):
        net = models.build(name, width_multiplier=width, in_channels=1, num_classes=3).eval()
        assert params(net) > before
        before = params(net)
        for side in (8, 16, 28, 32, 48, 64):
            with torch.no_grad():
                assert net(torch.randn(2, 1, side, side)).shape == (2, 3)


def test_a_small_stem_keeps_the_resolution():
    assert [side for _, side, _, _ in stage_rows("resnet18_small")] == [32, 16, 8, 4]


@pytest.mark.parametrize(
    ("field", "given", "allowed"),
    [
        ("shortcut", "D", "'A', 'B', 'C', 'average' or 'none'"),
        ("stride_in", "5x5", "'1x1' or '3x3'"),
        ("unit", "wide", "'basic' or 'bottleneck'"),
        ("stem", "5x5", "'7x7' or '3x3'"),
    ],
)
def test_what_cannot_be_built(field: str, given: str, allowed: str):
    with pytest.raises(UserError, match=f"{field}='{given}' is unknown. Use {allowed}."):
        models.build("resnet50", **{field: given})


def units(net: nn.Module) -> list[nn.Module]:
    return [unit for stage in net.stages for unit in stage]
