"""Szegedy et al. 2017: Fig. 9 with Figs. 3 to 8."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.models.inception_v4 import FAMILY
from tests.papers.branches import recount
from tests.papers.output_shapes import size_of
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

NAMES = ("inception_v4", "inception_v4_figures")
A = ("pool 1x1:96", "1x1:96", "1x1:64 3x3:96", "1x1:64 3x3:96 3x3:96")
REDUCTION_A = ("pool", "3x3:384", "1x1:192 3x3:224 3x3:256")
B = (
    "pool 1x1:128",
    "1x1:384",
    "1x1:192 1x7:224 7x1:256",
    "1x1:192 1x7:192 7x1:224 1x7:224 7x1:256",
)
REDUCTION_B = ("pool", "1x1:192 3x3:192", "1x1:256 1x7:256 7x1:320 3x3:320")
C = (
    "pool 1x1:256",
    "1x1:256",
    "1x1:384 1x3:256|3x1:256",
    "1x1:384 1x3:448 3x1:512 3x1:256|1x3:256",
)
# Fig. 9: modules, side and channels printed, params
FIG_9 = {
    "inception_a": (4, 35, 384, A, 1_270_528),
    "reduction_a": (1, 17, 1024, REDUCTION_A, 2_306_112),
    "inception_b": (7, 17, 1024, B, 20_553_792),
    "reduction_b": (1, 8, 1536, REDUCTION_B, 2_747_392),
    "inception_c": (3, 8, 1536, C, 13_659_264),
}


@pytest.mark.parametrize("name", NAMES)
def test_fig_9(name: str):
    net, channels = on_meta(name), 384
    for row, (stage, (number, side, width, branches, total)) in zip(
        stage_rows(name), FIG_9.items(), strict=True
    ):
        assert row == (stage, side, width, total)
        module = net.stages.get_submodule(stage)
        assert len(module) == number if number > 1 else len(module.branches) == len(branches)
        assert recount(channels, *branches) == (total / number, width)
        channels = width
    assert params(net) == 42_679_816


def test_operations():
    assert round(mult_adds("inception_v4") / 1e6) == 12_254


def test_stem_of_fig_3():
    counts = [
        recount(3, "3x3:32 3x3:32 3x3:64"),
        recount(64, "pool", "3x3:96"),
        recount(160, "1x1:64 3x3:96", "1x1:64 7x1:64 1x7:64 3x3:96"),
        recount(192, "3x3:192", "pool"),
    ]
    stem = on_meta("inception_v4").stem
    assert [params(part) for part in stem] == [total for total, _ in counts]


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.where}-{f.part}-{f.quantity}")
def test_printed_size(fact):
    assert str(size_of(fact)) == fact.printed


@pytest.mark.parametrize(
    ("name", "stem", "b", "c"),
    [
        ("inception_v4", [(1, 7), (7, 1)], [(7, 1), (1, 7)] * 2, [(3, 1), (1, 3)]),
        ("inception_v4_figures", [(7, 1), (1, 7)], [(1, 7), (7, 1)] * 2, [(1, 3), (3, 1)]),
    ],
)
def test_wide_and_tall_kernels(name: str, stem: list, b: list, c: list):
    """Figures and release have them in another order; no count shows it."""
    net = on_meta(name)
    assert kernels(net.stem.factored.branches["long"])[1:3] == stem
    for module in net.stages.inception_b:
        assert kernels(module.branches["conv7x7"])[1:] == [(1, 7), (7, 1)]
        assert kernels(module.branches["double7x7"])[1:] == b
    for module in net.stages.inception_c:
        assert kernels(module.branches["double3x3"].reduce)[1:] == c


def test_averages_leave_padding_out():
    """The classic mistake: torch's average counts the zeros around the image."""
    for stage in ("inception_a", "inception_b", "inception_c"):
        for module in on_meta("inception_v4").stages.get_submodule(stage):
            average = module.branches["pool"].average
            assert torch.equal(average(torch.ones(1, 1, 5, 5)), torch.ones(1, 1, 5, 5))


def test_batch_norm_as_released():
    norms = [m for m in on_meta("inception_v4").modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}
    assert len(norms) == 149


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": "tall"}, "order='tall' is unknown. Use 'released' or 'figures'."),
        ({"input_side": 74}, "input_side=74 is too small .* Use 75 or more."),
        ({"modules": (4, 0, 3)}, r"modules=\(4, 0, 3\); each of A, B and C"),
    ],
)
def test_what_cannot_be_built(changes: dict, message: str):
    with pytest.raises(UserError, match=message):
        models.build("inception_v4", **changes)


def test_the_least_side():
    assert [side for _, side, *_ in stage_rows("inception_v4", input_side=75)] == [7, 3, 3, 1, 1]


def kernels(chain: nn.Module) -> list[tuple[int, int]]:
    return [layer.conv.kernel_size for layer in chain]
