"""Zhang et al. 2018: Table 1 by number of groups, scales of Table 2, units of Fig. 2."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import ChannelShuffle
from convatlas.models.shufflenet_v1 import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers

TABLE_1 = {
    # g: channels of stage 2, 3, 4, params of each, params in all, mult-adds in millions
    1: ((144, 288, 576), (38_616, 267_264, 891_072), 1_531_936, 143.08),
    2: ((200, 400, 800), (39_932, 278_500, 932_400), 1_733_848, 140.84),
    3: ((240, 480, 960), (40_356, 280_560, 935_520), 1_865_728, 137.46),
    4: ((272, 544, 1088), (40_628, 282_132, 938_400), 1_968_344, 134.34),
    8: ((384, 768, 1536), (44_584, 302_208, 976_896), 2_434_768, 138.37),
}


@pytest.mark.parametrize("groups", TABLE_1)
def test_table_1(groups: int):
    channels, _, total, millions = TABLE_1[groups]
    name = f"shufflenet_v1_g{groups}_x1_0"
    rows = stage_rows(name)
    assert [row[:3] for row in rows] == [
        (f"stage{i}", side, c) for i, side, c in zip((2, 3, 4), (28, 14, 7), channels, strict=True)
    ]
    assert [row[3] for row in rows] == [
        sum(unit_params(*ends, groups, stage2=c == channels[0]) for ends in _units(channels, c))
        for c in channels
    ]
    assert params(on_meta(name)) == total
    assert round(mult_adds(name) / 1e6, 2) == millions
    assert weighted_layers(on_meta(name)) == 50


def _units(channels: tuple[int, ...], c: int) -> list[tuple[int, int]]:
    """(in, out) of a stage's units; the first has stride 2."""
    stage = channels.index(c)
    before = channels[stage - 1] if stage else 24
    return [(before, c)] + [(c, c)] * ((4, 8, 4)[stage] - 1)


def unit_params(c_in: int, c_out: int, groups: int, *, stage2: bool) -> int:
    """Fig. 2 in numbers; stage 2's first 1x1 has no groups."""
    inner = c_out // 4
    made = c_out - c_in if c_in != c_out else c_out
    first = 1 if stage2 and c_in != c_out else groups
    convolutions = c_in * inner // first + 9 * inner + inner * made // groups
    return convolutions + 2 * (inner + inner + made)


def test_order_of_a_unit():
    """No ReLU behind the depthwise convolution; the shuffle before it; the pool joined."""
    unit = on_meta("shufflenet_v1_g3_x1_0").stages.stage2[0]
    kinds = [type(m) for m in unit.branch.modules() if not list(m.children())]
    assert kinds == [
        nn.Conv2d, nn.BatchNorm2d, nn.ReLU, ChannelShuffle,
        nn.Conv2d, nn.BatchNorm2d, nn.Identity, nn.Conv2d, nn.BatchNorm2d, nn.Identity,
    ]  # fmt: skip
    assert (unit.branch.reduce.conv.groups, unit.branch.expand.conv.groups) == (1, 3)
    assert isinstance(unit.shortcut, nn.AvgPool2d)
    assert on_meta("shufflenet_v1_g3_x1_0").stages.stage3[0].branch.reduce.conv.groups == 3


def test_stems_by_scale():
    """24 at 1x and 1.5x, 48 at 2x, 12 (16 with 8 groups) at 0.5x: the authors' files."""
    stems = {
        (g, scale): on_meta(f"shufflenet_v1_g{g}_{scale}").stem[0].conv.out_channels
        for g in (3, 8)
        for scale in ("x0_5", "x1_0", "x1_5", "x2_0")
    }
    assert [stems[3, s] for s in ("x0_5", "x1_0", "x1_5", "x2_0")] == [12, 24, 24, 48]
    assert [stems[8, s] for s in ("x0_5", "x1_0", "x1_5", "x2_0")] == [16, 24, 24, 48]
    # Released counts, without the classifier's bias.
    for name, released in (("g3_x0_5", 717_324), ("g3_x1_5", 3_441_168), ("g8_x1_5", 4_268_952)):
        assert params(on_meta(f"shufflenet_v1_{name}")) == released + 1000


def test_without_shuffle_groups_never_meet():
    """The reason for the shuffle: a change in one group of channels stays in that group."""
    torch.manual_seed(0)
    for name, meets in (
        ("shufflenet_v1_g3_x0_25", True),
        ("shufflenet_v1_g3_x0_25_no_shuffle", False),
    ):
        unit = models.build(name).eval().stages.stage2[1]
        x = torch.randn(1, 60, 8, 8)
        changed = x.clone()
        changed[:, :20] += 1
        differs = (unit(x) != unit(changed)).flatten(2).any(2)[0]
        assert differs[:20].any()
        assert bool(differs[20:].any()) == meets


@pytest.mark.parametrize(
    "fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}-{f.paper.key}"
)
def test_printed_figure(fact):
    measured = {
        "params": lambda: params(on_meta(fact.variant)),
        "mult_adds": lambda: mult_adds(fact.variant),
        "layers": lambda: weighted_layers(on_meta(fact.variant)),
    }[fact.quantity]()
    assert (compare(fact.printed, measured) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": 0}, "groups=0 does not divide"),
        ({"stage2_channels": 24}, "A stage of 24 channels passes on 24 and adds none"),
        ({"se_reduction": 0}, "se_reduction=0. Use 1 or more, or None for no gates"),
    ],
)
def test_what_cannot_be_built(changes: dict[str, int], message: str):
    with pytest.raises(UserError, match=message):
        models.build("shufflenet_v1_g3_x1_0", **changes)
