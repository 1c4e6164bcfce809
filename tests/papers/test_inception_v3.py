"""Szegedy et al. 2016: Table 1, modules of Figs. 5 to 7, and the net that was released."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.analysis import check_facts
from convatlas.errors import UserError
from convatlas.models.inception_v3 import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

# The released net: side, channels and params of each module.
RELEASED = {
    "inception_a1": (35, 256, 255_904),
    "inception_a2": (35, 288, 277_472),
    "inception_a3": (35, 288, 285_152),
    "reduction_a": (17, 768, 1_153_280),
    "inception_b1": (17, 768, 1_297_408),
    "inception_b2": (17, 768, 1_691_008),
    "inception_b3": (17, 768, 1_691_008),
    "inception_b4": (17, 768, 2_141_952),
    "reduction_b": (8, 1280, 1_698_304),
    "inception_c1": (8, 2048, 5_044_608),
    "inception_c2": (8, 2048, 6_076_800),
}
# Table 1: what each row takes, which is what the row above gives.
TABLE_1 = [
    ("stem.convs.1", 149, 32),
    ("stem.convs.2", 147, 32),
    ("stem.pool1", 147, 64),
    ("stem.more.0", 73, 64),
    ("stem.more.1", 71, 80),
    ("stem.more.2", 35, 192),
    ("stages.inception_a1", 35, 288),
    ("stages.inception_a2", 35, 288),
    ("stages.inception_a3", 35, 288),
    ("stages.inception_b1", 17, 768),
    ("stages.inception_b5", 17, 768),
    ("stages.inception_c1", 8, 1280),
    ("pool", 8, 2048),
    ("classifier", None, 2048),
]


def test_the_released_net():
    assert stage_rows("inception_v3") == [(name, *row) for name, row in RELEASED.items()]
    assert params(on_meta("inception_v3", aux=False)) == 23_834_568
    assert round(mult_adds("inception_v3") / 1e6) == 5713


def test_the_head_reads_the_last_module_of_side_17():
    """Fig. 8; the classic slip is to put it behind the modules of side 35."""
    net = on_meta("inception_v3")
    assert list(net.aux) == ["inception_b4"]
    assert params(net) == 27_161_264
    pool = net.aux["inception_b4"].pool
    assert pool(torch.empty(1, 768, 17, 17, device="meta")).shape == (1, 768, 5, 5)
    assert (pool.kernel_size, pool.stride) == (5, 3)


def test_table_1():
    net, taken = on_meta("inception_v3_figure", aux=False), {}
    for path, _, _ in TABLE_1:
        net.get_submodule(path).register_forward_pre_hook(
            lambda module, inputs, path=path: taken.update({path: inputs[0].shape[1:]})
        )
    with torch.no_grad():
        net(torch.empty(1, 3, 299, 299, device="meta"))
    for path, side, channels in TABLE_1:
        assert taken[path] == ((channels, side, side) if side else (channels,)), path
    names = [name for name, _ in net.stages.named_children()]
    assert [sum(f"inception_{letter}" in name for name in names) for letter in "abc"] == [3, 5, 2]
    assert params(net) == 23_790_472 < 25e6
    assert round(mult_adds("inception_v3_figure") / 1e6) == 5598


def test_the_figures_net_layer_by_layer():
    """(input channels, output channels, kernel's pixels) of every convolution, from the figures."""
    stem = [(3, 32, 9), (32, 32, 9), (32, 64, 9), (64, 80, 9), (80, 192, 9), (192, 288, 9)]
    fig_5 = [(288, 64, 1), (288, 48, 1), (48, 64, 9), (64, 64, 9)]
    fig_5 += [(288, 64, 1), (64, 96, 9), (288, 64, 1)]
    to_17 = [(288, 384, 9), (288, 64, 1), (64, 96, 9), (96, 96, 9)]
    fig_6 = [(768, 192, 1), (768, 128, 1), (128, 128, 7), (128, 192, 7), (768, 192, 1)]
    fig_6 += [(768, 128, 1), (128, 128, 7), (128, 128, 7), (128, 128, 7), (128, 192, 7)]
    to_8 = [(768, 192, 1), (192, 320, 9), (768, 192, 1)]
    to_8 += [(192, 192, 7), (192, 192, 7), (192, 192, 9)]
    fig_7 = [(384, 384, 3)] * 4 + [(448, 384, 9)]
    fig_7 = [[*fig_7, *((c, w, 1) for w in (320, 384, 448, 192))] for c in (1280, 2048)]
    convs = [*stem, *fig_5 * 3, *to_17, *fig_6 * 5, *to_8, *fig_7[0], *fig_7[1]]
    net = on_meta("inception_v3_figure", aux=False)
    built = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert sorted((m.in_channels, m.out_channels, m.weight[0, 0].numel()) for m in built) == (
        sorted(convs)
    )
    assert params(net) == sum(i * o * k + 2 * o for i, o, k in convs) + 2048 * 1000 + 1000


def test_first_modules_of_figure_and_release():
    """Fig. 5 has two 3x3 for the 5x5 and one 3x3 beside; the release a 5x5 and two 3x3."""
    kernels = {"inception_v3": [[1, 5], [1, 3, 3]], "inception_v3_figure": [[1, 3, 3], [1, 3]]}
    for name, expected in kernels.items():
        branches = on_meta(name).stages.inception_a2.branches
        assert [sides(branches[key]) for key in ("conv5x5", "conv3x3")] == expected


def test_one_sided_kernels_keep_their_order():
    """Sec. 3.2 has the 1x7 first; the release begins its longer branch with the 7x1."""
    orders = {"inception_v3": [7, 1, 7, 1], "inception_v3_figure": [1, 7, 1, 7]}
    for name, heights in orders.items():
        branches = on_meta(name).stages.inception_b1.branches
        assert sides(branches["double7x7"])[1:] == heights
        assert sides(branches["conv7x7"]) == [1, 1, 7]
    for key in ("conv3x3", "double3x3"):
        split = on_meta("inception_v3").stages.inception_c1.branches[key].split.branches
        assert [conv[0].conv.kernel_size for conv in split.values()] == [(1, 3), (3, 1)]


def sides(branch):
    """Heights of the kernels of a branch, from its input on."""
    return [m.kernel_size[0] for m in branch.modules() if isinstance(m, nn.Conv2d)]


def test_batch_norm_has_the_releases_epsilon():
    norms = [m for m in on_meta("inception_v3").modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}
    assert len(norms) == 94 + 2  # two in the head


@pytest.mark.parametrize("side", [75, 128, 224, 298, 299, 346, 347])
def test_the_head_has_one_size_on_every_side(side: int):
    net = on_meta("inception_v3", input_side=side, width_multiplier=0.25)
    logits, heads = net.forward_with_aux(torch.empty(2, 3, side, side, device="meta"))
    assert [logits.shape, *(head.shape for head in heads)] == [(2, 1000)] * 2
    assert isinstance(net.aux["inception_b4"].pool, nn.AvgPool2d) == (299 <= side < 347)


def test_without_the_head_nothing_asks_for_it():
    net = on_meta("inception_v3", aux=False)
    assert not hasattr(net, "aux")
    assert not hasattr(net, "forward_with_aux")


def test_printed_figures():
    own = [checked for checked in check_facts("inception_v3") if checked.fact in FAMILY.facts]
    assert len(own) == len(FAMILY.facts)
    for checked in own:
        assert (checked.verdict == "differs") == bool(checked.fact.because), checked


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": "7x7"}, "stem='7x7' is unknown. Use 'released' or 'table'."),
        ({"kernels": "5x5"}, "kernels='5x5' is unknown. Use 'released' or 'figures'."),
        ({"projections": ()}, "projections=() or factorised=() leaves a side without a module"),
        ({"input_side": 74}, "input_side=74 leaves the last modules nothing: use 75 or more."),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError) as caught:
        models.build("inception_v3", **changes)
    assert str(caught.value).startswith(message)
