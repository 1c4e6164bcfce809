"""Tan and Le 2019: Table 1 (B0), Eq. 3 (scaling), Table 2 (B0 to B7), Table 7 (scaled models)."""

from bisect import bisect_left

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import SampleDrop
from convatlas.models.efficientnet import FAMILY, MBConv, compound
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

# Table 1: operator, side that the stage reads, channels, layers
TABLE_1 = [
    ("MBConv1, k3x3", 112, 16, 1),
    ("MBConv6, k3x3", 112, 24, 2),
    ("MBConv6, k5x5", 56, 40, 2),
    ("MBConv6, k3x3", 28, 80, 3),
    ("MBConv6, k5x5", 14, 112, 3),
    ("MBConv6, k5x5", 14, 192, 4),
    ("MBConv6, k3x3", 7, 320, 1),
]
# Table 2's nets: layers of the seven stages, channels of stem, stages and last, params, mult-adds
NETS = {
    "b0": ((1, 2, 2, 3, 3, 4, 1), (32, 16, 24, 40, 80, 112, 192, 320, 1280), 5_288_548, 386),
    "b1": ((2, 3, 3, 4, 4, 5, 2), (32, 16, 24, 40, 80, 112, 192, 320, 1280), 7_794_184, 687),
    "b2": ((2, 3, 3, 4, 4, 5, 2), (32, 16, 24, 48, 88, 120, 208, 352, 1408), 9_109_994, 994),
    "b3": ((2, 3, 3, 5, 5, 6, 2), (40, 24, 32, 48, 96, 136, 232, 384, 1536), 12_233_232, 1827),
    "b4": ((2, 4, 4, 6, 6, 8, 2), (48, 24, 32, 56, 112, 160, 272, 448, 1792), 19_341_616, 4394),
    "b5": ((3, 5, 5, 7, 7, 9, 3), (48, 24, 40, 64, 128, 176, 304, 512, 2048), 30_389_784, 10266),
    "b6": ((3, 6, 6, 8, 8, 11, 3), (56, 32, 40, 72, 144, 200, 344, 576, 2304), 43_040_704, 19068),
    "b7": (
        (4, 7, 7, 10, 10, 13, 4),
        (64, 32, 48, 80, 160, 224, 384, 640, 2560),
        66_347_960,
        37746,
    ),
}


def test_table_1():
    net = on_meta("efficientnet_b0")
    rows = stage_rows("efficientnet_b0")
    assert [(name, side, channels, count) for name, side, channels, count in rows] == [
        # stage    side  channels  params
        ("stage2", 112, 16, 1_448),
        ("stage3", 56, 24, 16_714),
        ("stage4", 28, 40, 46_640),
        ("stage5", 14, 80, 242_930),
        ("stage6", 14, 112, 543_148),
        ("stage7", 7, 192, 2_026_348),
        ("stage8", 7, 320, 717_232),
        ("last", 7, 1280, 412_160),
    ]
    assert params(net.stem) == 928
    read = [112, *(side for _, side, _, _ in rows[:-2])]
    for stage, side, (operator, printed_side, channels, layers) in zip(
        net.stages, read, TABLE_1, strict=False
    ):
        kernel = stage[0].depthwise.conv.kernel_size[0]
        expansion = stage[0].depthwise.conv.in_channels // _in_channels(stage[0])
        assert f"MBConv{expansion}, k{kernel}x{kernel}" == operator
        assert (side, stage[-1].project.norm.num_features, len(stage)) == (
            printed_side,
            channels,
            layers,
        )


@pytest.mark.parametrize(
    "size",
    [n if n in ("b0", "b1", "b2") else pytest.param(n, marks=pytest.mark.slow) for n in NETS],
)
def test_scaled_nets(size: str):
    """Layers are rounded up; channels to multiples of 8, never below nine tenths."""
    layers, channels, total, operations = NETS[size]
    net = on_meta(f"efficientnet_{size}")
    assert tuple(len(stage) for stage in list(net.stages)[:-1]) == layers
    assert (
        net.stem.conv.norm.num_features,
        *(stage[-1].project.norm.num_features for stage in list(net.stages)[:-1]),
        net.stages.last.norm.num_features,
    ) == channels
    assert params(net) == params(on_meta(f"efficientnet_{size}_symmetric")) == total
    if size == "b0":
        assert round(mult_adds(f"efficientnet_{size}") / 1e6) == operations


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}-{f.where}")
def test_printed_figure(fact):
    _, _, total, operations = NETS[fact.variant[-2:]]
    measured = total if fact.quantity == "params" else operations * 10**6
    assert (compare(fact.printed, measured) == "differs") == bool(fact.because)


@pytest.mark.slow
@pytest.mark.parametrize("size", NETS)
def test_mult_adds(size: str):
    operations = NETS[size][3]
    for name in (f"efficientnet_{size}", f"efficientnet_{size}_symmetric"):
        assert round(mult_adds(name) / 1e6) == operations


@pytest.mark.slow
def test_sides_that_would_give_the_printed_mult_adds():
    """The causes named for B1, B4 and B5: mult-adds rise with the side, in steps."""
    for size, low, high, sides in (
        ("b1", 0.695e9, 0.705e9, ()),
        ("b4", 4.15e9, 4.25e9, tuple(range(361, 369))),
        ("b5", 9.85e9, 9.95e9, ()),
    ):
        name = f"efficientnet_{size}"
        reaching = [
            bisect_left(range(1000), least, key=lambda s, n=name: mult_adds(n, input_side=s + 1))
            for least in (low, high)
        ]
        assert tuple(side + 1 for side in range(*reaching)) == sides


def test_b2_with_statistics():
    """The cause named for the parameters of B2."""
    net = on_meta("efficientnet_b2")
    statistics = sum(2 * m.num_features for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert compare("9.2e6", params(net) + statistics) == "rounds"


def test_compound_scaling():
    """Eq. 3: alpha beta^2 gamma^2 is about 2, so phi doubles the mult-adds."""
    assert compound(1).mult_adds == pytest.approx(1.92, abs=0.005)
    assert compound(3).mult_adds == pytest.approx(compound(1).mult_adds ** 3)
    assert compound(0.5, alpha=4.0, beta=9.0, gamma=1.0).width == 3.0
    for size, phi in (("b1", 0.5), ("b2", 1), ("b3", 2)):
        spec, scaling = models.spec_of(f"efficientnet_{size}"), compound(phi)
        assert spec.depth_multiplier == round(scaling.depth, 1)
        assert spec.width_multiplier == round(scaling.width, 1)
        assert spec.input_side == pytest.approx(224 * scaling.resolution, abs=4)
    for size, phi in (("b4", 3), ("b5", 4), ("b6", 5), ("b7", 6)):
        spec, scaling = models.spec_of(f"efficientnet_{size}"), compound(phi)
        assert spec.depth_multiplier > scaling.depth + 0.05
        assert spec.input_side > 224 * scaling.resolution + 30


def test_table_7_compound():
    """Scale (d=1.4, w=1.2, r=1.3): 1.8B."""
    scaled = mult_adds(
        "efficientnet_b0", depth_multiplier=1.4, width_multiplier=1.2, input_side=291
    )
    assert compare("1.8e9", scaled) == "rounds"


def test_the_squeeze_is_a_quarter_of_the_input():
    """The classic mistake: a quarter of the expanded channels, six times as many."""
    for block in blocks(on_meta("efficientnet_b0")):
        assert block.excite.reduce.out_channels == _in_channels(block) // 4
        assert block.excite.reduce.bias is not None


def test_survival_falls_linearly_to_the_last_block():
    """Sec. 5.2: 0.8; the released code reaches it one block behind the last."""
    found = {
        i: block.drop.survival
        for i, block in enumerate(blocks(on_meta("efficientnet_b0")))
        if isinstance(block.drop, SampleDrop)
    }
    assert found == pytest.approx({i: 1 - 0.2 * i / 16 for i in (2, 4, 6, 7, 9, 10, 12, 13, 14)})


def test_padding_follows_from_the_side():
    """224 -> 112 -> 56 -> 28 -> 14 -> 7 are even but the last; 300 -> 150 -> 75 -> 38 -> 19."""
    assert _pads("efficientnet_b0") == [(0, 1), (0, 1), (1, 2), (0, 1), (1, 2)]
    assert _pads("efficientnet_b3") == [(0, 1), (0, 1), (2, 2), (0, 1), (2, 2)]
    assert _pads("efficientnet_b0", input_side=225) == [(1, 1), (1, 1), (2, 2), (1, 1), (2, 2)]
    assert _pads("efficientnet_b0_symmetric") == [(1, 1), (1, 1), (2, 2), (1, 1), (2, 2)]


def test_convolutions_start_as_released():
    """N(0, 2 / fan_out); a convolution of each channel on its own counts its kernel only."""
    torch.manual_seed(0)
    net = models.build("efficientnet_b0")
    block = net.stages.stage7[1]
    assert block.depthwise.conv.weight.std().item() == pytest.approx((2 / 25) ** 0.5, rel=0.02)
    assert block.project.conv.weight.std().item() == pytest.approx((2 / 192) ** 0.5, rel=0.02)
    weight = net.classifier.linear.weight
    assert weight.abs().max().item() == pytest.approx(1000**-0.5, rel=1e-3)
    assert weight.std().item() == pytest.approx((1 / 3000) ** 0.5, rel=0.02)


def test_small_net_takes_every_side():
    assert [side for _, side, _, _ in stage_rows("efficientnet_small")] == [32, 16, 8, 8, 8]
    for width in (0.25, 1.0):
        net = models.build("efficientnet_small", width_multiplier=width, in_channels=1).eval()
        for side in (8, 16, 28, 32, 48, 64):
            with torch.no_grad():
                assert net(torch.randn(2, 1, side, side)).shape == (2, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "valid"}, "padding='valid' is unknown. Use 'same' or 'symmetric'."),
        ({"depth_multiplier": 0}, "depth_multiplier=0; it must be above 0, at most 64."),
        ({"survival": 0.0}, r"survival=0.0; it must be above 0 and at most 1."),
        ({"dropout": 1.0}, r"dropout=1.0; it must be at least 0 and below 1."),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build("efficientnet_b0", **changes)


def blocks(net: nn.Module) -> list[MBConv]:
    return [module for module in net.modules() if isinstance(module, MBConv)]


def _in_channels(block: MBConv) -> int:
    first = block.depthwise if isinstance(block.expand, nn.Identity) else block.expand
    return first.conv.in_channels


def _pads(name: str, **changes: object) -> list[tuple[int, int]]:
    """Zeros above and below of every window of stride 2."""
    net = on_meta(name, **changes)
    windows = [(net.stem.pad, net.stem.conv)]
    windows += [(block.pad, block.depthwise) for block in blocks(net)]
    found = []
    for pad, conv in windows:
        if conv.conv.stride == (2, 2):
            own = conv.conv.padding[0]
            _, _, top, bottom = getattr(pad, "padding", (0, 0, 0, 0))
            found.append((own + top, own + bottom))
    return found
