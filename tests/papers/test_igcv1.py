"""Zhang et al. 2017: CIFAR nets by depth, Table 6, the two kernels of a block, special cases."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convatlas import models
from convatlas.errors import UserError
from convatlas.layers import SeparableConv, interleaved_conv
from convatlas.models.igcv1 import FAMILY, SummedNorm
from tests.papers.sparse_kernels import dense, permutation
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers

# depth: (params, millions of mult-adds) of the nets of the authors' files, 10 classes
BY_DEPTH = {
    "regconv_w16": {
        8: (75_290, 12.2), 20: (269_722, 40.6), 38: (561_370, 83.0),
        62: (950_234, 139.6), 98: (1_533_530, 224.6),
    },
    "regconv_w18": {
        8: (95_068, 15.4), 20: (341_020, 51.3), 38: (709_948, 105.0),
        62: (1_201_852, 176.7), 98: (1_939_708, 284.2),
    },
    "l4m8": {
        8: (78_634, 13.1), 20: (277_546, 42.4), 38: (575_914, 86.2),
        62: (973_738, 144.7), 98: (1_570_474, 232.4),
    },
    "l24m2": {
        8: (48_442, 9.9), 20: (155_962, 28.8), 38: (317_242, 57.1),
        62: (532_282, 94.8), 98: (854_842, 151.4),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "depth"), [(column, d) for column, row in BY_DEPTH.items() for d in row]
)
def test_cifar_nets_by_depth(column: str, depth: int):
    name = f"igcv1_{column}_d{depth}"
    total, millions = BY_DEPTH[column][depth]
    net = on_meta(name)
    assert params(net) == total
    assert [len(stage) for stage in net.stages] == [(depth - 2) // 3] * 3
    if depth <= 20 or name == "igcv1_l24m2_d38":
        assert round(mult_adds(name) / 1e6, 1) == millions
    if column.startswith("regconv"):
        assert weighted_layers(net) == depth


def igc_weights(primary: int, secondary: int, c_in: int) -> int:
    """The 3x3 from c_in channels in L groups, the 1x1, and scale and shift of batch norm."""
    c = primary * secondary
    return 9 * c_in * c // primary + c * primary + 2 * c


@pytest.mark.parametrize(("column", "primary", "secondary"), [("l4m8", 4, 8), ("l24m2", 24, 2)])
def test_stages_of_20_layers(column: str, primary: int, secondary: int):
    """Three stages of B = 6 blocks; the channels double by M, the side halves at once."""
    expected, c = [], primary * secondary
    for stage, side in enumerate((32, 16, 8)):
        m = secondary * 2**stage
        first = igc_weights(primary, m, c)
        c = primary * m
        expected.append((f"stage{stage + 1}", side, c, first + 5 * igc_weights(primary, m, c)))
    assert stage_rows(f"igcv1_{column}_d20") == expected


def test_weights_of_a_block():
    """L M (9 M + L): 2,016 for L = 24 and M = 2, 2,432 for L = 4 and M = 8."""
    for primary, secondary, weights in ((24, 2, 2016), (4, 8, 2432)):
        c = primary * secondary
        assert params(interleaved_conv(c, c, groups=(primary, secondary))) == weights
        assert weights == c * (9 * secondary + primary)


def test_where_the_side_is_halved():
    """In the first block as in the authors' files, in the last as in the notes; equal weights."""
    for column in ("l4m8", "l24m2"):
        nets = [on_meta(f"igcv1_{column}_d20{form}") for form in ("", "_stride_last")]
        strides = [
            [block.conv.conv1.stride[0] for stage in net.stages for block in stage] for net in nets
        ]
        assert strides[0] == [1] * 6 + [2, 1, 1, 1, 1, 1] * 2
        assert strides[1] == [1] * 6 + [1, 1, 1, 1, 1, 2] * 2
        assert params(nets[0]) == params(nets[1])
    assert round(mult_adds("igcv1_l24m2_d20_stride_last") / 1e6, 2) == 65.91


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("igcv1_l32m26_d20_identity", 24_215_370),
        ("igcv1_l16m32_d20_identity", 17_746_442),
        ("igcv1_l24m2_d20_identity", 164_410),
    ],
)
def test_identity_nets(name: str, total: int):
    """The authors' file: where a stage opens, the 1x1 still has the groups of the stage before."""
    net, spec = on_meta(name), models.spec_of(name)
    assert params(net) == total
    assert weighted_layers(net) == 2 + 2 * 18
    for stage, opened in ((net.stages.stage2, 1), (net.stages.stage3, 2)):
        first, second = stage[0].first.conv, stage[0].second.conv
        assert first.conv2.groups == spec.secondary * opened
        assert second.conv2.groups == 2 * spec.secondary * opened
        assert stage[0].shortcut.conv.groups == spec.primary
        assert isinstance(stage[1].shortcut, nn.Identity)


TABLE_6 = {  # channels of the stages, L, M of the first, params, millions of mult-adds
    "igcv1_regconv_w69_imagenet": ((69, 138, 276, 552), (1,) * 4, 13_542_457, 2098.6),
    "igcv1_l4m32_imagenet": ((128, 256, 512, 1024), (4,) * 4, 12_251_240, 1944.6),
    "igcv1_l16m16_imagenet": ((256, 512, 1024, 2048), (16,) * 4, 13_528_296, 2266.0),
    "igcv1_l100m2_imagenet": ((200, 400, 800, 1600), (100, 200, 400, 800), 8_637_900, 1264.8),
}


@pytest.mark.parametrize("name", TABLE_6)
def test_table_6(name: str):
    channels, groups, total, millions = TABLE_6[name]
    sides = (56, 28, 14, 7)
    assert [row[1:3] for row in stage_rows(name)] == list(zip(sides, channels, strict=True))
    net = on_meta(name)
    assert params(net) == total
    assert round(mult_adds(name) / 1e6, 1) == millions
    for stage, width, primary in zip(net.stages, channels, groups, strict=True):
        convs = stage[0].first.conv
        assert convs.conv1.groups == primary
        if primary > 1:
            assert convs.conv2.groups == width // primary
    assert net.stem[0].conv.out_channels == (100 if "l100m2" in name else channels[0])


def test_a_regular_net_of_64_channels_is_resnet18():
    ours = on_meta("igcv1_regconv_w69_imagenet", secondary=64)
    assert params(ours) == 11_689_512 == params(on_meta("resnet18"))


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    measured = (
        params(on_meta(fact.variant)) if fact.quantity == "params" else mult_adds(fact.variant)
    )
    assert (fact.verdict(measured) == "differs") == bool(fact.because)


def test_causes_of_table_6():
    """What the column of parameters leaves out."""
    for name, thousands in (("l4m32", 11_207), ("l16m16", 11_441), ("regconv_w69", 12_979)):
        net = on_meta(f"igcv1_{name}_imagenet")
        convs = sum(params(m) for m in net.modules() if isinstance(m, nn.Conv2d))
        assert round(convs / 1e3) == thousands
    net = on_meta("igcv1_l100m2_imagenet")
    norms = sum(params(m) for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert params(net) - norms == 8_607_700


@pytest.mark.parametrize(("primary", "secondary"), [(2, 3), (4, 8), (6, 1), (1, 6)])
def test_the_product_of_both_kernels_is_dense(primary: int, secondary: int):
    """W = P' W_d P W_p, one path from every input to every output; P' takes P back."""
    torch.manual_seed(0)
    c = primary * secondary
    block = interleaved_conv(c, c, groups=(primary, secondary)).double()
    there, back = permutation(primary, c), permutation(secondary, c)
    assert torch.equal(back @ there, torch.eye(c).double())
    with torch.no_grad():
        second = back @ dense(block.conv2)[:, :, 0, 0] @ there
        kernel = torch.einsum("om,mihw->oihw", second, dense(block.conv1))
        assert (kernel != 0).all()
        paths = (second != 0).double() @ (dense(block.conv1)[:, :, 0, 0] != 0).double()
        assert torch.equal(paths, torch.ones(c, c).double())
        x = torch.randn(2, c, 5, 5).double()
        assert torch.allclose(block(x), F.conv2d(x, kernel, padding=1), rtol=0, atol=1e-12)
    assert (dense(block.conv1) == 0).any() == (primary > 1)


def test_one_channel_per_group_is_xceptions_block():
    """M = 1: depthwise 3x3, dense 1x1, nothing between."""
    torch.manual_seed(0)
    block, theirs = interleaved_conv(6, 6, groups=(6, 1)), SeparableConv(6, 6, 3)
    theirs.depthwise.load_state_dict(block.conv1.state_dict())
    theirs.pointwise.load_state_dict(block.conv2.state_dict())
    x = torch.randn(2, 6, 5, 5)
    assert torch.equal(block(x), theirs(x))
    assert [type(layer) for layer in block] == [nn.Conv2d, nn.Conv2d]


def test_one_group_is_a_regular_convolution():
    """L = 1: the 1x1 only scales, and its factors go into the 3x3."""
    torch.manual_seed(0)
    block = interleaved_conv(6, 6, groups=(1, 6))
    x = torch.randn(2, 6, 5, 5)
    kernel = block.conv1.weight * block.conv2.weight
    assert torch.allclose(block(x), F.conv2d(x, kernel, padding=1), atol=1e-6)


def test_a_regular_convolution_in_four_branches():
    """Four blocks of its kernel side by side, and a secondary that only adds."""
    torch.manual_seed(0)
    regular = nn.Conv2d(6, 6, 3, padding=1, bias=False)
    block = interleaved_conv(12, 12, groups=(4, 3))
    w = regular.weight
    with torch.no_grad():
        block.conv1.weight.copy_(torch.cat([w[:3, :3], w[:3, 3:], w[3:, :3], w[3:, 3:]]))
        adds = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1]]).float().repeat(2, 1)
        block.conv2.weight.copy_(adds.repeat(3, 1)[:, :, None, None])
        x = torch.randn(2, 6, 5, 5)
        y = regular(x)
        assert torch.allclose(block(torch.cat([x, x], 1)), torch.cat([y, y], 1), atol=1e-5)


def test_fusion_by_summation_is_a_secondary_of_ones():
    torch.manual_seed(0)
    summed = SummedNorm(3, 3, branches=4, stride=1)
    summed.norm, summed.relu = nn.Identity(), nn.Identity()
    block = interleaved_conv(12, 12, groups=(4, 3))
    with torch.no_grad():
        block.conv1.weight.copy_(torch.cat([branch.weight for branch in summed.branches]))
        block.conv2.weight.fill_(1)
        x = torch.randn(2, 3, 5, 5)
        four_times = summed(x).repeat(1, 4, 1, 1)
        assert torch.allclose(block(x.repeat(1, 4, 1, 1)), four_times, atol=1e-5)


def test_summation_costs_about_what_regconv_w16_does():
    for depth in (8, 20, 38):
        summed = params(on_meta(f"igcv1_sumfusion_l4m8_d{depth}"))
        assert 0.98 < summed / BY_DEPTH["regconv_w16"][depth][0] < 1


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("l4m8_d20", {"primary": 0}, "primary=0; it must be a whole number from 1"),
        ("l4m8_d20", {"doubled": "both"}, "doubled='both' is unknown. Use 'L' or 'M'"),
        ("l4m8_d20", {"stride_in": "middle"}, "stride_in='middle' is unknown. Use 'first' or"),
        ("regconv_w16_d20", {"primary": 4}, "a regular convolution has one group"),
        ("sumfusion_l4m8_d20", {"identity": True}, "identity=True has no summed form"),
        ("l100m2_imagenet", {"stem_share": 3}, "stem_share=3 does not divide 200 channels"),
    ],
)
def test_what_cannot_be_built(name: str, changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build(f"igcv1_{name}", **changes)
