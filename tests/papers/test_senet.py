"""Hu et al. 2018: Table 1, Eq. 5, the appendix's SENet-154, Sec. 6's ratios, stages and places."""

from functools import cache

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import SqueezeExcite
from convatlas.models.senet import FAMILY
from tests.papers.stage_table import mult_adds, params, stage_rows
from tests.papers.stage_table import on_meta as build_on_meta

on_meta = cache(build_on_meta)

# name: layers, units per stage, params, mult-adds, params of stage 2 .. 5
TABLE_1 = {
    "se_resnet50": (50, (3, 4, 6, 3), 28_088_024, 3.860e9,
                    (241_200, 1_352_832, 7_891_328, 16_544_128)),
    "se_resnet101": (101, (3, 4, 23, 3), 49_326_872, 7.575e9,
                     (241_200, 1_352_832, 29_130_176, 16_544_128)),
    "se_resnet152": (152, (3, 8, 36, 3), 66_821_848, 11.289e9,
                     (241_200, 2_606_336, 45_371_648, 16_544_128)),
    "se_resnext50_32x4d": (50, (3, 4, 6, 3), 27_559_896, 4.233e9,
                           (231_216, 1_330_304, 7_815_552, 16_124_288)),
    "se_resnext101_32x4d": (101, (3, 4, 23, 3), 48_955_416, 7.975e9,
                            (231_216, 1_330_304, 29_211_072, 16_124_288)),
    "senet154": (154, (3, 8, 36, 3), 115_088_984, 20.688e9,
                 (354_864, 4_695_296, 68_677_888, 39_199_104)),
}  # fmt: skip


def deep_ones_slow(name: str, *values: object):
    """The nets of 50 layers and SENet-154 are enough for every day."""
    deep = any(depth in name for depth in ("101", "152"))
    return pytest.param(*(values or (name,)), marks=[pytest.mark.slow] if deep else [])


@pytest.mark.parametrize("name", [deep_ones_slow(name) for name in TABLE_1])
def test_table_1(name: str):
    layers, depths, total, operations, stage_params = TABLE_1[name]
    net = on_meta(name)
    assert stage_rows(name) == [
        ("stage2", 56, 256, stage_params[0]),
        ("stage3", 28, 512, stage_params[1]),
        ("stage4", 14, 1024, stage_params[2]),
        ("stage5", 7, 2048, stage_params[3]),
    ]
    assert tuple(len(stage) for stage in net.stages) == depths
    assert params(net) == total
    assert round(mult_adds(name) / 1e6) == round(operations / 1e6)
    assert numbered_layers(net) == layers


def numbered_layers(net: nn.Module) -> int:
    """What a net's number counts: neither projections nor the gates' layers."""
    return sum(
        isinstance(module, nn.Conv2d | nn.Linear)
        for name, module in net.named_modules()
        if "shortcut" not in name and "gates" not in name
    )


def gates(net: nn.Module) -> list[SqueezeExcite]:
    return [module for module in net.modules() if isinstance(module, SqueezeExcite)]


@pytest.mark.parametrize("name", ["se_resnet50", "se_resnext50_32x4d"])
def test_table_1_fully_connected(name: str):
    """ "fc, [16, 256]" and so on: the two layers of the gates."""
    for stage, sizes in zip(on_meta(name).stages, ((16, 256), (32, 512), (64, 1024), (128, 2048)),
                            strict=True):  # fmt: skip
        for unit in stage:
            found = unit.layers.gates
            assert (found.reduce.out_channels, found.expand.out_channels) == sizes
            assert found.reduce.bias is not None
            assert list(dict(unit.layers.named_children())) == [
                *("reduce", "spatial", "restore", "gates")
            ]


@pytest.mark.parametrize(
    "fact",
    [deep_ones_slow(fact.variant, fact) for fact in FAMILY.facts],
    ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}",
)
def test_printed_figure(fact):
    assert (fact.verdict(measured(fact)) == "differs") == bool(fact.because)


def measured(fact) -> int:
    if fact.quantity == "mult_adds":
        return mult_adds(fact.variant)
    return params(on_meta(fact.variant)) * (4 if fact.quantity == "size_bytes" else 1)


TABLE_2 = {
    "se_resnet50": "3.87e9",
    "se_resnet101": "7.60e9",
    "se_resnet152": "11.32e9",
    "se_resnext50_32x4d": "4.25e9",
    "se_resnext101_32x4d": "8.00e9",
}


@pytest.mark.parametrize(
    ("name", "printed"), [deep_ones_slow(name, name, printed) for name, printed in TABLE_2.items()]
)
def test_table_2_counts_every_element_of_the_gated_maps(name: str, printed: str):
    """The cause named for the figures that differ: addition, average and scaling, one each."""
    depths = [len(stage) for stage in on_meta(name).stages]
    elements = sum(
        depth * side**2 * channels
        for depth, (_, side, channels, _) in zip(depths, stage_rows(name), strict=True)
    )
    assert compare(printed, mult_adds(name)) == "differs"
    assert compare(printed, mult_adds(name) + 3 * elements) in ("rounds", "truncates")


@pytest.mark.parametrize(
    "fact",
    [f for f in FAMILY.facts if f.quantity == "params"],
    ids=lambda f: f"{f.variant}={f.printed}",
)
def test_sec_6_counts_the_statistics_of_batch_norm(fact):
    """The cause named for the parameters that differ explains all but one of them."""
    net = on_meta(fact.variant)
    statistics = sum(b.numel() for b in net.buffers() if b.dim())
    assert statistics == 53_120
    counted = params(net) + statistics
    if fact.variant == "se_resnet50_r8":
        assert fact.verdict(counted) == "differs"
        counted += params(on_meta(fact.variant, se_bias=True)) - params(net)
    assert fact.verdict(counted) == "rounds"


@pytest.mark.parametrize("r", [2, 4, 8, 16, 32])
def test_equation_5(r: int):
    """2 / r times the sum over the stages of N C^2, without biases."""
    added = params(on_meta(f"se_resnet50_r{r}")) - params(on_meta("resnet50"))
    stages = ((3, 256), (4, 512), (6, 1024), (3, 2048))
    assert added == 2 * sum(n * c**2 for n, c in stages) // r


def test_section_4():
    """~2.5 million or ~10 % more parameters; ~4 % without the last stage's."""
    resnet = params(on_meta("resnet50"))
    added = params(on_meta("se_resnet50")) - resnet
    assert compare("2.5e6", added) == "rounds"
    assert added == 2_514_944 + 16_048  # weights, biases
    assert compare("10", 100 * added / resnet) in ("rounds", "truncates")
    without = params(on_meta("se_resnet50_stage234")) - resnet
    assert compare("4", 100 * without / resnet) == "rounds"


def test_thin_gates_keep_eight_channels():
    """C / r is rounded as all channels of a thin net: one or two would often be dead."""
    net = on_meta("se_resnet50", width_multiplier=0.25)
    hidden = [stage[0].layers.gates.reduce.out_channels for stage in net.stages]
    assert hidden == [8, 8, 16, 32]


@pytest.mark.parametrize("gated", [(2,), (3,), (4,), (2, 3, 4)])
def test_table_13(gated: tuple[int, ...]):
    net = on_meta(f"se_resnet50_stage{''.join(map(str, gated))}")
    for number, stage in enumerate(net.stages, start=2):
        assert [len(gates(unit)) for unit in stage] == [int(number in gated)] * len(stage)
    assert params(net.stages.stage5) == 14_964_736


@pytest.mark.parametrize(
    ("place", "parts", "shortcut", "after"),
    [
        ("r16", ["reduce", "spatial", "restore", "gates"], [], []),
        ("3x3", ["reduce", "spatial", "gates", "restore"], [], []),
        ("pre", ["gates", "reduce", "spatial", "restore"], [], []),
        ("post", ["reduce", "spatial", "restore"], [], ["relu", "gates"]),
        ("identity", ["reduce", "spatial", "restore"], ["project", "gates"], []),
    ],
)
def test_figure_5(place: str, parts: list[str], shortcut: list[str], after: list[str]):
    net = on_meta(f"se_resnet50_{place}")
    for stage in net.stages:
        for unit in stage:
            assert children(unit.layers) == parts
            assert len(gates(unit)) == 1
            assert not shortcut or children(unit.shortcut) == shortcut
            assert not after or children(unit.relu) == after
    channels = {"pre": [64, 256, 512, 1024], "3x3": [64, 128, 256, 512]}
    first = [gates(stage[0])[0].expand.out_channels for stage in net.stages]
    assert first == channels.get(place, [256, 512, 1024, 2048])


def children(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()]


def test_no_squeeze_keeps_every_pixel():
    for gate in gates(on_meta("se_resnet50_nosqueeze")):
        x = torch.empty(1, gate.reduce.in_channels, 3, 5, device="meta")
        assert gate.squeeze(x).shape == x.shape


def test_strides_are_those_of_the_released_files():
    """Equal parameters, other mult-adds: SE-ResNet halves in the 1x1, SE-ResNeXt in the 3x3."""
    strides = {"se_resnet50": [2, 1], "se_resnext50_32x4d": [1, 2], "senet154": [1, 2]}
    for name, expected in strides.items():
        for stage in on_meta(name).stages[1:]:
            layers = stage[0].layers
            assert [layers.reduce.conv.stride[0], layers.spatial.conv.stride[0]] == expected
            assert stage[0].shortcut.conv.stride == (2, 2)


def test_the_pool_starts_at_the_corner():
    """Caffe rounds up and does not pad: the first window holds pixels 0, 1, 2, not -1, 0, 1."""
    pool = models.build("se_resnet50", depths=(1,), se_stages=(True,)).stem.pool
    image = torch.zeros(1, 1, 112, 112)
    image[0, 0, 2, 2] = 1
    pooled = pool(image)
    assert pooled.shape == (1, 1, 56, 56)
    assert pooled[0, 0, :3, :3].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_senet154():
    """The appendix's (a) to (d)."""
    net = on_meta("senet154")
    for number, stage in enumerate(net.stages):
        width = 256 * 2**number
        for unit in stage:
            reduce, spatial = unit.layers.reduce.conv, unit.layers.spatial.conv
            assert (reduce.out_channels, spatial.out_channels) == (width // 2, width)
            assert spatial.groups == 64
        assert stage[0].shortcut.conv.kernel_size == ((1, 1) if number == 0 else (3, 3))
    stem = [(m.in_channels, m.out_channels, *m.kernel_size, *m.stride) for m in net.stem.modules()
            if isinstance(m, nn.Conv2d)]  # fmt: skip
    assert stem == [(3, 64, 3, 3, 2, 2), (64, 64, 3, 3, 1, 1), (64, 128, 3, 3, 1, 1)]
    assert net.classifier.dropout.p == 0.2


@pytest.mark.parametrize("width", [0.25, 0.3, 0.5])
def test_groups_divide_at_every_width(width: float):
    for name in ("senet154", "se_resnext50_32x4d"):
        net = on_meta(name, depths=(1, 1), se_stages=(True, False), width_multiplier=width)
        assert net(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 1000)
        cardinality = models.spec_of(name).cardinality
        assert {stage[0].layers.spatial.conv.groups for stage in net.stages} == {cardinality}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"se_place": "after"},
         "se_place='after' is unknown. Use 'branch', '3x3', 'pre', 'post' or 'identity'."),
        ({"stem": "3x3"}, "stem='3x3' is unknown. Use '7x7' or 'three 3x3'."),
        ({"projection": "5x5"}, "projection='5x5' is unknown. Use '1x1' or '3x3'."),
        ({"stride_in": "5x5"}, "stride_in='5x5' is unknown. Use '1x1' or '3x3'."),
        ({"se_reduction": 0}, "se_reduction=0 cannot reduce 256 channels. Use 1 to 256."),
        ({"se_reduction": 300}, "se_reduction=300 cannot reduce 256 channels. Use 1 to 256."),
        ({"se_stages": (True, False)},
         "se_stages=(True, False) does not say True or False for each of 4 stages."),
        ({"dropout": 1.0}, "dropout=1.0; it must be at least 0 and below 1."),
        ({"cardinality": 3, "width": 5, "halved": True},
         "cardinality=3 does not divide 7 channels. Use a divisor: 1, 7."),
    ],
)  # fmt: skip
def test_what_cannot_be_built(given, message: str):
    with pytest.raises(UserError) as caught:
        on_meta("se_resnet50", **given)
    assert str(caught.value) == message
