"""Zoph et al. 2018: Fig. 2 and 4, Tables 1 to 3; shapes as in the tests of the authors' code."""

from functools import cache

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import Cell, FactorisedReduction, SampleDrop
from convatlas.models.nasnet import FAMILY, NORMAL, REDUCTION
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

# name, side, channels and params of the cells
MOBILE = [
    ("stem1", 56, 44, 8_534),
    ("stem2", 28, 88, 13_948),
    ("normal1", 28, 264, 33_000),
    ("normal2", 28, 264, 42_680),
    ("normal3", 28, 264, 50_424),
    ("normal4", 28, 264, 50_424),
    ("reduction1", 14, 352, 153_648),
    ("normal5", 14, 528, 147_312),
    ("normal6", 14, 528, 170_544),
    ("normal7", 14, 528, 186_032),
    ("normal8", 14, 528, 186_032),
    ("reduction2", 7, 704, 555_104),
    ("normal9", 7, 1056, 557_920),
    ("normal10", 7, 1056, 650_848),
    ("normal11", 7, 1056, 712_800),
    ("normal12", 7, 1056, 712_800),
]
LARGE = [
    ("stem1", 83, 168, 49_230),
    ("stem2", 42, 336, 121_128),
    ("normal1", 42, 1008, 396_816),
    ("normal2", 42, 1008, 537_936),
    *((f"normal{n}", 42, 1008, 650_832) for n in (3, 4, 5, 6)),
    ("reduction1", 21, 1344, 1_919_904),
    ("normal7", 21, 2016, 1_979_040),
    ("normal8", 21, 2016, 2_317_728),
    *((f"normal{n}", 21, 2016, 2_543_520) for n in (9, 10, 11, 12)),
    ("reduction2", 11, 2688, 7_452_480),
    ("normal13", 11, 4032, 7_796_544),
    ("normal14", 11, 4032, 9_151_296),
    *((f"normal{n}", 11, 4032, 10_054_464) for n in (15, 16, 17, 18)),
]
CIFAR = [
    ("normal1", 32, 192, 40_384),
    ("normal2", 32, 192, 25_152),
    *((f"normal{n}", 32, 192, 28_224) for n in (3, 4, 5, 6)),
    ("reduction1", 16, 256, 87_168),
    ("normal7", 16, 384, 81_024),
    ("normal8", 16, 384, 93_312),
    *((f"normal{n}", 16, 384, 101_504) for n in (9, 10, 11, 12)),
    ("reduction2", 8, 512, 305_408),
    ("normal13", 8, 768, 301_312),
    ("normal14", 8, 768, 350_464),
    *((f"normal{n}", 8, 768, 383_232) for n in (15, 16, 17, 18)),
]
# cells, stem's params, all params, those of the head, mult-adds in millions
NETS = {
    "nasnet_a_4_1056": (MOBILE, 928, 5_289_978, 2_411_240, 564),
    "nasnet_a_6_4032": (LARGE, 2_784, 88_753_150, 4_567_784, 23_783),
    "nasnet_a_6_768_cifar": (CIFAR, 2_784, 3_346_538, 1_631_498, 544),
}


net_of = cache(on_meta)  # for tests that only look


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if "4032" in n else n for n in NETS]
)
def test_figure_2(name: str):
    cells, stem, total, head, _ = NETS[name]
    net = net_of(name)
    assert stage_rows(name) == cells
    assert params(net.stem) == stem
    assert params(net) - params(net.aux) == total
    assert params(net.aux) == head


@pytest.mark.parametrize(
    "name", [n if "1056" in n else pytest.param(n, marks=pytest.mark.slow) for n in NETS]
)
def test_mult_adds(name: str):
    assert round(mult_adds(name) / 1e6) == NETS[name][-1]


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    _, _, total, _, operations = NETS[fact.variant]
    measured = total if fact.quantity == "params" else operations * 10**6
    assert (compare(fact.printed, measured) == "differs") == bool(fact.because)


def test_88_9_million_with_statistics():
    """The cause named for the parameters of 6 @ 4032."""
    net = net_of("nasnet_a_6_4032")
    norms = [m for name, m in net.named_modules() if "aux" not in name]
    statistics = sum(2 * m.num_features for m in norms if isinstance(m, nn.BatchNorm2d))
    assert params(net) - params(net.aux) + statistics == 88_949_818
    assert compare("88.9e6", 88_949_818) == "rounds"


def test_figure_4():
    """Normal: 5 separable convolutions, 3 averages, 2 identities; reduction: 5, 2, 1, 2 maxima."""
    for plan, sep, avg, same, most in ((NORMAL, 5, 3, 2, 0), (REDUCTION, 5, 2, 1, 2)):
        operations = [operation for pair in plan.pairs for operation, _ in pair]
        assert sum(o.startswith("sep") for o in operations) == sep
        assert [operations.count(o) for o in ("avg 3x3", "identity", "max 3x3")] == [
            avg,
            same,
            most,
        ]
    read = {state for pair in REDUCTION.pairs for _, state in pair}
    assert set(REDUCTION.joined) == {3, *({2, 3, 4, 5, 6} - read)}
    assert len(NORMAL.joined) * 4 * 44 == 1056


def test_the_cell_behind_a_reduction():
    """The classic mistake: 6 @ 4032 passes over the reduction's input, the others read it."""
    assert models.spec_of("nasnet_a_6_4032").skip_reduction
    assert not models.spec_of("nasnet_a_4_1056").skip_reduction
    small = {"cells": 2, "filters": 8, "aux": False}
    nets = [on_meta("nasnet_a_6_4032", skip_reduction=skips, **small) for skips in (True, False)]
    assert params(nets[0]) == params(nets[1])  # blind
    for net, source in zip(nets, ("normal1", "normal2"), strict=True):
        read: dict[str, torch.Tensor] = {}
        for name in ("normal1", "normal2", "normal3"):
            net.stages[name].register_forward_hook(
                lambda cell, inputs, out, name=name, read=read: read.update(
                    {f"{name} reads": inputs[1], name: out}
                )
            )
        with torch.no_grad():
            net(torch.empty(1, 3, 331, 331, device="meta"))
        assert read["normal3 reads"] is read[source]


def test_factorised_reduction_only_where_the_side_changes():
    halved = [
        name
        for name, cell in net_of("nasnet_a_4_1056").stages.items()
        if isinstance(cell.previous, FactorisedReduction)
    ]
    assert halved == ["stem2", "normal1", "normal5", "normal9"]
    first = net_of("nasnet_a_6_768_cifar").stages["normal1"]
    assert isinstance(first.previous, nn.Identity)  # reads the stem's 96 channels as they are
    assert first.kept.conv.in_channels == 96


@pytest.mark.parametrize(
    ("name", "last", "cells"),
    [("nasnet_a_6_4032", 0.7, 22), ("nasnet_a_6_768_cifar", 0.6, 20)],
)
def test_paths_survive_less_with_every_cell(name: str, last: float, cells: int):
    """ScheduledDropPath's last step: every operation but the identity, linearly over all cells."""
    stages = net_of(name).stages
    assert len(stages) == cells
    for number, cell in enumerate(stages.values(), start=1):
        survivals = [m.survival for m in cell.modules() if isinstance(m, SampleDrop)]
        operations = 8 if cell.plan is NORMAL else 9
        assert survivals == pytest.approx([1 - (1 - last) * number / cells] * operations)
    assert not any(isinstance(m, SampleDrop) for m in net_of("nasnet_a_4_1056").modules())


def test_head_reads_the_end_of_the_second_stage():
    """App. A.7: at 2/3. Released code: average 5x5/3, 1x1 to 128, the whole map to 768."""
    for name, behind, side in (
        ("nasnet_a_4_1056", "normal8", 4),
        ("nasnet_a_6_4032", "normal12", 6),
        ("nasnet_a_6_768_cifar", "normal12", 4),
    ):
        (place, head), *others = net_of(name).aux.items()
        assert (place, others) == (behind, [])
        assert head.whole.conv.weight.shape == (768, 128, side, side)
    assert not hasattr(on_meta("nasnet_a_4_1056", aux=False), "forward_with_aux")


@pytest.mark.slow
def test_rows_that_the_released_rules_do_not_give():
    """Why 5 @ 1538, 7 @ 1920 and 7 @ 2304 are missing."""
    mobile, cifar = "nasnet_a_4_1056", "nasnet_a_6_768_cifar"
    for name, cells, filters, measured, printed in (
        (mobile, 5, 64, "12.2e6", "10.9e6"),
        (mobile, 7, 80, "24.6e6", "22.6e6"),
        (cifar, 7, 96, "32.4e6", "27.6e6"),
    ):
        net = on_meta(name, cells=cells, filters=filters, aux=False)
        assert compare(measured, params(net)) == "rounds"
        assert compare(printed, params(net)) == "differs"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": "3x3"}, "stem='3x3' is unknown. Use 'imagenet' or 'cifar'."),
        ({"input_side": 2}, "input_side=2 is too small for this net. Use 3 or more."),
        ({"filters": 42}, "filters=42; it must be a multiple of 4."),
        ({"cells": 0}, "cells=0; it must be from 1 to 64."),
        ({"survival": 1.1}, "survival=1.1; it must be above 0 and at most 1."),
        ({"dropout": -0.1}, "dropout=-0.1; it must be at least 0 and below 1."),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build("nasnet_a_4_1056", **changes)


def test_stages_are_cells():
    assert all(isinstance(cell, Cell) for cell in net_of("nasnet_a_4_1056").stages.values())
