"""Sun et al. 2018: D and W stage by stage, the block's order, groups, permutations and ReLUs."""

from functools import cache

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.layers import ChannelShuffle, SelectChannels
from convatlas.models.igcv3 import FAMILY, Bottleneck, IGCV3Spec
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

DEEPER = ((1, 16, 1), (6, 24, 4), (6, 32, 6), (6, 64, 8), (6, 96, 6), (6, 160, 6), (6, 320, 1))
WIDER = ((1, 32, 1), (6, 48, 2), (6, 64, 3), (6, 128, 4), (6, 192, 3), (6, 320, 3), (6, 640, 1))
SIDES = (112, 56, 28, 14, 14, 7, 7)
# name: (rows t, c, n), G1, G2, params, millions of mult-adds
NETS = {
    "igcv3_d": (DEEPER, 2, 2, 3_491_688, 313.0),
    "igcv3_d_g2g4": (DEEPER, 2, 4, 3_063_304, 255.8),
    "igcv3_w": (WIDER, 4, 4, 4_009_896, 337.9),
    "igcv3_w_g2": (WIDER, 2, 2, 5_724_968, 585.8),
}


@cache
def net_of(name: str) -> nn.Module:
    """For tests that only look."""
    return on_meta(name)


def block_params(c_in: int, t: int, c: int, groups1: int, groups2: int) -> int:
    wide = c_in * t
    return wide * c_in // groups1 + 9 * wide + wide * c // groups2 + 2 * (2 * wide + c)


@pytest.mark.parametrize("name", NETS)
def test_stages(name: str):
    rows, groups1, groups2, total, millions = NETS[name]
    expected, c_in = [], 32
    for number, ((t, c, n), side) in enumerate(zip(rows, SIDES, strict=True), start=1):
        ends = [(c_in, c)] + [(c, c)] * (n - 1)
        own = sum(block_params(a, t, b, groups1, groups2) for a, b in ends)
        expected.append((f"bottleneck{number}", side, c, own))
        c_in = c
    assert stage_rows(name) == [*expected, ("last", 7, 1280, 1280 * c_in + 2560)]
    assert params(net_of(name)) == total
    assert round(mult_adds(name) / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("width", "total", "last"), [("w070", 2_502_486, 1280), ("w140", 6_023_004, 1792)]
)
def test_widths(width: str, total: int, last: int):
    """Rounded up to even; widths below 1 keep the last 1280 channels."""
    net = net_of(f"igcv3_d_{width}")
    assert params(net) == total
    assert net.classifier.in_features == last


def test_what_the_files_scale_twice():
    """A row's first block expands channels that the multiplier met before, made even by a slip."""
    assert [released(m) for m in (0.7, 1.0, 1.4)] == [2_447_130, 3_491_688, 6_315_568]
    assert released(1.0) == params(net_of("igcv3_d"))


def released(multiplier: float) -> int:
    """Parameters by the authors' igcv3.py."""

    def even(c: int) -> int:
        return c + c % 2

    c_in = expanded = even(round(32 * multiplier))
    total = 27 * c_in + 2 * c_in
    for t, c, n in DEEPER:
        c = even(round(c * multiplier))
        for block in range(n):
            wide = t * (expanded if block == 0 else c)
            total += wide * c_in // 2 + 9 * wide + wide * c // 2 + 2 * (2 * wide + c)
            c_in = c
        twice = round(c * multiplier)
        expanded = twice if twice % 2 == 0 else c + 1
    last = int(1280 * multiplier) + 1 if multiplier > 1 else 1280
    return total + last * (c_in + 2) + 1000 * (last + 1)


def test_a_row_opens_without_a_shortcut():
    """Also where the shapes agree: the first block of the wider net, 32 channels to 32."""
    for name in ("igcv3_d", "igcv3_w"):
        for row in list(net_of(name).stages)[:-1]:
            assert [block.residual for block in row] == [False] + [True] * (len(row) - 1)


def kinds(block: Bottleneck) -> list[type[nn.Module]]:
    layers = (nn.Conv2d, nn.ReLU6, ChannelShuffle, SelectChannels)
    return [type(m) for m in block.modules() if isinstance(m, layers)]


def test_order_of_a_block():
    """No activation behind the expansion; the second permutation is absent in the release."""
    conv, shuffle, relu = nn.Conv2d, ChannelShuffle, nn.ReLU6
    block = net_of("igcv3_d").stages.bottleneck2[1]
    assert kinds(block) == [conv, shuffle, conv, relu, conv, shuffle]
    assert (block.permute.groups, block.permute_back.groups) == (2, 12)
    for name in ("igcv3_d_released", "igcv3_d_g2g4", "igcv3_w_g2"):
        block = net_of(name).stages.bottleneck2[1]
        assert kinds(block) == [conv, shuffle, conv, relu, conv]


def test_three_places_of_the_relu():
    conv, shuffle, relu = nn.Conv2d, ChannelShuffle, nn.ReLU6
    expected = {
        "igcv3_d": [conv, shuffle, conv, relu, conv, shuffle],
        "igcv3_d_relu_1x1": [conv, relu, shuffle, conv, conv, relu, shuffle],
        "igcv3_d_relu_block": [conv, shuffle, conv, conv, shuffle, relu],
    }
    for name, order in expected.items():
        assert kinds(net_of(name).stages.bottleneck2[1]) == order
    torch.manual_seed(0)
    x = torch.randn(1, 24, 8, 8)
    with torch.no_grad():
        rectified = models.build("igcv3_d_relu_block").eval().stages.bottleneck2[1](x)
    assert float(rectified.min()) == 0
    assert float(rectified.max()) > 0


def reached(block: Bottleneck) -> torch.Tensor:
    """[out, in]: which inputs of a block without shortcut an output hangs on."""
    with torch.no_grad():
        for m in block.modules():
            if isinstance(m, nn.Conv2d):
                m.weight.fill_(1)
        inputs = torch.eye(block.expand.conv.in_channels)[:, :, None, None]
        return (block.eval()(inputs.repeat(1, 1, 3, 3))[:, :, 1, 1] != 0).T


@pytest.mark.parametrize(
    ("groups1", "groups2", "super_channels", "dense"),
    [
        (2, 2, None, True),
        (4, 4, None, True),
        (2, 4, None, True),
        (2, 2, 4, True),  # G1 G2: the loose complementary condition
        (4, 4, 16, True),
        (2, 4, 8, True),
        (2, 2, 2, False),  # the notes' numbers, if they were those of a whole map
        (4, 4, 8, False),
        (2, 4, 4, False),
    ],
)
def test_super_channels(groups1: int, groups2: int, super_channels: int | None, dense: bool):
    """The kernel is dense from G1 G2 super-channels on."""
    spec = IGCV3Spec(groups1=groups1, groups2=groups2, super_channels=super_channels)
    block = Bottleneck(spec, 16, 16, expansion=6, stride=1, residual=False)
    assert bool(reached(block).all()) == dense


def test_super_channels_move_together():
    spec = IGCV3Spec(super_channels=4)
    block = Bottleneck(spec, 8, 8, expansion=3, stride=1, residual=False)
    assert block.permute.indices.tolist() == [
        *range(6),
        *range(12, 18),
        *range(6, 12),
        *range(18, 24),
    ]
    assert block.permute_back.indices.tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


def test_any_groups():
    for groups1, groups2 in ((1, 1), (8, 2), (1, 8)):
        spec = IGCV3Spec(groups1=groups1, groups2=groups2)
        block = Bottleneck(spec, 24, 32, expansion=6, stride=2, residual=False)
        assert (block.expand.conv.groups, block.project.conv.groups) == (groups1, groups2)
        assert params(block) == block_params(24, 6, 32, groups1, groups2)


def test_cifar_form():
    rows = stage_rows("igcv3_d_cifar100")
    assert [row[1] for row in rows] == [32, 32, 16, 8, 8, 4, 4, 4]
    assert [row[2:] for row in rows] == [row[2:] for row in stage_rows("igcv3_d")]
    assert params(net_of("igcv3_d_cifar100")) == 3_491_688 - 900 * 1281


def test_causes():
    """318 M with the ReLU6 counted; 2.4 M with moving statistics; 211 M at width 0.78."""
    net = on_meta("igcv3_d")
    rectified: list[int] = []
    for module in net.modules():
        if isinstance(module, nn.ReLU6):
            module.register_forward_hook(lambda m, _, out: rectified.append(out.numel()))
    with torch.no_grad():
        net(torch.empty(1, 3, 224, 224, device="meta"))
    assert round((mult_adds("igcv3_d") + sum(rectified)) / 1e5) == 3179
    net = net_of("igcv3_d_cifar100")
    norms = sum(m.num_features for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert round((params(net) + 2 * norms) / 1e3) == 2403
    assert round(mult_adds("igcv3_d", width_multiplier=0.78) / 1e6) == 211


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    measured = (
        params(net_of(fact.variant)) if fact.quantity == "params" else mult_adds(fact.variant)
    )
    assert (fact.verdict(measured) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups1": 5}, "groups1=5 does not divide 32 channels. Use a divisor: 1, 2, 4, 8, 16"),
        ({"groups2": 32}, "groups2=32 does not divide 16 channels"),
        ({"relu": "5x5"}, "relu='5x5' is unknown. Use '3x3', '1x1' or 'block'"),
        ({"super_channels": 3}, "groups1=2 does not divide 3 channels"),
        ({"super_channels": 16}, "super_channels=16 does not divide 24 channels"),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build("igcv3_d", **changes)
