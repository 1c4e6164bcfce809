"""Xie et al. 2018: blocks of any number of sparse kernels, the nets for CIFAR and ImageNet."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convatlas import models
from convatlas.analysis.design_rules import composition
from convatlas.errors import UserError
from convatlas.layers import ChannelShuffle, interleaved_conv
from convatlas.models.igcv2 import FAMILY, _star
from tests.papers.sparse_kernels import composed
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows


def block_params(c: int, branches: tuple[int, ...]) -> int:
    """Depthwise 3x3, 1x1 of K channels per group, batch norm."""
    return 9 * c + c * sum(branches) + 2 * c


def stage_params(c_in: int, c: int, branches: tuple[int, ...], blocks: int) -> int:
    """With a 1x1 in c_in groups and its batch norm as the shortcut where the channels double."""
    shortcut = c + 2 * c if c != c_in else 0
    return blocks * block_params(c, branches) + shortcut


@pytest.mark.parametrize(
    ("name", "x", "branches", "total", "millions"),
    [
        ("igcv2_c64_d20", 64, (8, 8), 78_154, 19.0),
        ("igcv2_star_c416_d20", 416, (8, 8, 8), 647_722, 159.4),
    ],
)
def test_stages(name: str, x: int, branches: tuple[int, ...], total: int, millions: float):
    """x, 2x, 4x channels at sides 32, 16 and 8; B = 6 blocks."""
    assert stage_rows(name) == [
        ("stage1", 32, x, stage_params(x, x, branches, 6)),
        ("stage2", 16, 2 * x, stage_params(x, 2 * x, branches, 6)),
        ("stage3", 8, 4 * x, stage_params(2 * x, 4 * x, branches, 6)),
    ]
    assert params(on_meta(name)) == total
    assert round(mult_adds(name) / 1e6, 1) == millions


@pytest.mark.parametrize(("name", "total"), [("igcv2_c64_d8", 29_770), ("igcv2_c64_d38", 150_730)])
def test_other_depths(name: str, total: int):
    blocks = (int(name.rpartition("d")[2]) - 2) // 3
    stages = sum(
        stage_params(c_in, c, (8, 8), blocks) for c_in, c in ((64, 64), (64, 128), (128, 256))
    )
    assert params(on_meta(name)) == total == stages + 27 * 64 + 2 * 64 + 257 * 10


@pytest.mark.parametrize(("x", "pointwise"), [(64, 2), (65, 3), (416, 3), (512, 3), (513, 4)])
def test_layers_of_the_star(x: int, pointwise: int):
    """L = ceil(log_8 x) + 1, the depthwise one counted."""
    assert _star(x, 20).branches == (8,) * pointwise


def test_which_stages_of_the_star_are_dense():
    """8^3 = 512 channels are reached: all of 416, but neither of 832 nor of 1664."""
    shares = [composition(c, (1, 8, 8, 8)).non_sparsity for c in (416, 832, 1664)]
    assert shares == [1, 512 / 832, 512 / 1664]


@pytest.mark.parametrize(
    ("name", "total", "millions"),
    [
        ("igcv2_mobile", 4_035_336, 561.6),
        ("igcv2_mobile_w050", 1_298_552, 155.6),
        ("igcv2_mobile_w025", 469_872, 46.5),
    ],
)
def test_mobile_nets(name: str, total: int, millions: float):
    width = models.spec_of(name).width_multiplier
    assert [row[1:3] for row in stage_rows(name)] == [
        (side, c * width) for side, c in ((112, 64), (56, 128), (28, 256), (14, 512), (7, 1024))
    ]
    net = on_meta(name)
    assert params(net) == total
    assert round(mult_adds(name) / 1e6, 1) == millions
    assert [len(stage) for stage in net.stages] == [2, 4, 4, 12, 4]
    groups = [layer.groups for layer in net.stages.stage4[3].conv if isinstance(layer, nn.Conv2d)]
    assert groups == [512 * width, 4, 8]


@pytest.mark.parametrize(
    ("channels", "branches"), [(64, (8, 8)), (64, (4, 4, 4)), (12, (2, 3, 2)), (30, (5, 6))]
)
def test_the_product_is_dense_under_the_complementary_condition(channels, branches):
    torch.manual_seed(0)
    groups = (channels, *(channels // k for k in branches))
    block = interleaved_conv(channels, channels, groups=groups).double()
    with torch.no_grad():
        kernel = composed(block)
        assert (kernel != 0).all()
        x = torch.randn(1, channels, 5, 5).double()
        expected = F.conv2d(x, kernel, padding=1)
        assert torch.allclose(block(x), expected, rtol=0, atol=1e-12)
        for conv in block:
            if isinstance(conv, nn.Conv2d):
                conv.weight.fill_(1)
        assert torch.equal(composed(block), torch.ones(channels, channels, 3, 3).double())


@pytest.mark.parametrize(
    ("channels", "branches", "share"), [(64, (8,), 1 / 8), (64, (4, 8), 1 / 2), (12, (4, 2), 2 / 3)]
)
def test_it_is_not_where_the_condition_is_violated(channels, branches, share):
    torch.manual_seed(0)
    groups = (channels, *(channels // k for k in branches))
    with torch.no_grad():
        kernel = composed(interleaved_conv(channels, channels, groups=groups))
    assert float((kernel != 0).double().mean()) == pytest.approx(share)
    assert composition(channels, (1, *branches)).non_sparsity == pytest.approx(share)


def test_the_last_permutation_restores_the_order():
    block = interleaved_conv(24, 24, groups=(24, 12, 8, 6))
    x = torch.randn(1, 24, 4, 4)
    order = x
    for layer in block:
        order = layer(order) if isinstance(layer, ChannelShuffle) else order
    assert torch.equal(order, x)


def test_a_shortcut_over_every_two_blocks():
    net = on_meta("igcv2_c64_d20")
    assert [len(stage) for stage in net.stages] == [3, 3, 3]
    strides = [u.first.conv.conv1.stride[0] for stage in net.stages for u in stage]
    assert strides == [1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert net.stages.stage2[0].shortcut.conv.groups == 64
    assert isinstance(net.stages.stage2[1].shortcut, nn.Identity)


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    assert fact.verdict(params(on_meta(fact.variant))) == "rounds"


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("igcv2_c64_d8", {"branches": (8, 5)}, "branches=5 does not divide 64 channels. Use a"),
        ("igcv2_mobile", {"groups": (4, 0)}, "groups=0 does not divide 64 channels"),
        ("igcv2_c64_d8", {"stages": ((3, 64),)}, "3 blocks do not make pairs. Use an even number"),
        ("igcv2_c64_d8", {"stages": ((2, 96),)}, "groups=64 does not divide 96 channels"),
    ],
)
def test_what_cannot_be_built(name: str, changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build(name, **changes)
