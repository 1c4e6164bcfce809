"""Xie et al. 2017: Table 1 (the net), Table 2 (templates), Fig. 3 and 4 (equal forms), Table 7."""

from functools import cache

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models.resnext import FAMILY, in_form, width_for_cardinality
from tests.papers.stage_table import mult_adds, params, stage_rows, weighted_layers
from tests.papers.stage_table import on_meta as build_on_meta

on_meta = cache(build_on_meta)

# name: group convolution's width in conv2, mult-adds, params of conv2 .. conv5
IMAGENET = {
    "resnext50_2x40d": (80, 4.125e9, (213_312, 1_213_952, 7_079_424, 14_859_776)),
    "resnext50_4x24d": (96, 4.160e9, (210_816, 1_208_320, 7_060_480, 14_754_816)),
    "resnext50_8x14d": (112, 4.267e9, (212_640, 1_225_728, 7_179_776, 14_926_336)),
    "resnext50_32x4d": (128, 4.230e9, (205_824, 1_197_056, 7_022_592, 14_544_896)),
    "resnext101_2x40d": (80, 7.844e9, (213_312, 1_213_952, 26_110_720, 14_859_776)),
    "resnext101_4x24d": (96, 7.886e9, (210_816, 1_208_320, 26_130_944, 14_754_816)),
    "resnext101_8x14d": (112, 8.077e9, (212_640, 1_225_728, 26_681_088, 14_926_336)),
    "resnext101_32x4d": (128, 7.970e9, (205_824, 1_197_056, 26_171_392, 14_544_896)),
    "resnext101_1x100d": (100, 15.273e9, (424_032, 2_347_392, 52_367_040, 28_414_336)),
    "resnext101_2x64d": (128, 15.123e9, (413_184, 2_302_976, 51_607_552, 27_815_936)),
    "resnext101_64x4d": (256, 15.460e9, (393_216, 2_257_920, 51_769_344, 26_976_256)),
}
OUTSIDE_STAGES = 9_408 + 128 + 2_049_000  # the stem and the classifier


def deep_ones_slow(name: str, value: object = None):
    """One net of 101 layers is enough for every day."""
    deep = name.startswith("resnext101") and name != "resnext101_64x4d"
    return pytest.param(value or name, marks=[pytest.mark.slow] if deep else [])


@pytest.mark.parametrize("name", [deep_ones_slow(name) for name in IMAGENET])
def test_table_1(name: str):
    width, operations, stage_params = IMAGENET[name]
    depths = (3, 4, 23, 3) if "101" in name else (3, 4, 6, 3)
    net = on_meta(name)
    assert stage_rows(name) == [
        ("conv2", 56, 256, stage_params[0]),
        ("conv3", 28, 512, stage_params[1]),
        ("conv4", 14, 1024, stage_params[2]),
        ("conv5", 7, 2048, stage_params[3]),
    ]
    assert tuple(len(stage) for stage in net.stages) == depths
    assert params(net) == sum(stage_params) + OUTSIDE_STAGES
    assert round(mult_adds(name) / 1e6) == round(operations / 1e6)
    assert weighted_layers(net) == (101 if "101" in name else 50)
    cardinality = int(name.split("_")[1].split("x")[0])
    for number, stage in enumerate(net.stages):
        for unit in stage:
            conv = unit.spatial.conv
            assert (conv.out_channels, conv.groups) == (width * 2**number, cardinality)


@pytest.mark.parametrize(
    "fact",
    [deep_ones_slow(fact.variant, fact) for fact in FAMILY.facts],
    ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}-{f.where}",
)
def test_printed_figure(fact):
    assert (compare(fact.printed, measured(fact)) == "differs") == bool(fact.because)


def measured(fact) -> int:
    net = on_meta(fact.variant)
    unit = net.get_submodule(fact.part)
    if fact.quantity == "layers":
        return weighted_layers(net)
    if fact.quantity == "params":
        return params(net)
    if fact.quantity == "weights":
        return sum(p.numel() for p in unit.parameters() if p.dim() > 1)
    if fact.part:  # Table 2's caption: params x 56 x 56
        return sum(p.numel() for p in unit.parameters() if p.dim() > 1) * 56**2
    return mult_adds(fact.variant)


def test_the_stride_is_in_the_3x3():
    """Sec. 4, and why its ResNet-50 is the one called v1.5."""
    for stage in on_meta("resnext50_32x4d").stages[1:]:
        first = stage[0]
        strides = [getattr(first, part).conv.stride for part in ("reduce", "spatial", "shortcut")]
        assert strides == [(1, 1), (2, 2), (2, 2)]
    same = {"cardinality": 1, "width": 64}
    assert params(on_meta("resnext50_32x4d", **same)) == params(on_meta("resnet50_v15"))
    assert mult_adds("resnext50_32x4d", **same) == mult_adds("resnet50_v15")


def test_without_shortcuts():
    plain = on_meta("resnext50_32x4d_plain")
    assert all(unit.shortcut is None for stage in plain.stages for unit in stage)
    projections = [stage[0].shortcut for stage in on_meta("resnext50_32x4d").stages]
    assert params(plain) == 25_028_904 - sum(map(params, projections)) == 22_252_328


# Table 2
@pytest.mark.parametrize(
    ("cardinality", "d", "group_conv", "weights"),
    [(1, 64, 64, 69_632), (2, 40, 80, 69_760), (4, 24, 96, 69_888), (8, 14, 112, 71_456),
     (32, 4, 128, 70_144)],
)  # fmt: skip
def test_table_2(cardinality: int, d: int, group_conv: int, weights: int):
    assert width_for_cardinality(cardinality) == d
    unit = on_meta("resnext50_32x4d", cardinality=cardinality, width=d).stages.conv2[1]
    assert unit.spatial.conv.out_channels == group_conv
    assert sum(p.numel() for p in unit.parameters() if p.dim() == 4) == weights


def test_other_widths_at_equal_cost():
    """Every d is the nearest of all, by the weights of a built unit."""
    for cardinality, in_channels, width in ((16, 256, 64), (3, 256, 64), (32, 512, 128)):
        d = width_for_cardinality(cardinality, in_channels=in_channels, width=width)
        cost = {e: weights_by_sum(cardinality, in_channels, e) for e in range(1, 2 * width)}
        wanted = weights_by_sum(1, in_channels, width)
        assert abs(cost[d] - wanted) == min(abs(found - wanted) for found in cost.values())


def weights_by_sum(cardinality: int, in_channels: int, d: int) -> int:
    """The sum over the paths of 1x1, 3x3 and 1x1."""
    return sum(in_channels * d + 3 * 3 * d * d + d * in_channels for _ in range(cardinality))


@pytest.mark.parametrize("cardinality", [100, 256, 10_000])
def test_impossible_equal_cost(cardinality: int):
    with pytest.raises(UserError, match=rf"cardinality={cardinality} has no width .* 69,632"):
        width_for_cardinality(cardinality)


@pytest.mark.parametrize("given", [{"cardinality": 0}, {"cardinality": 2.0}])
def test_no_number_of_paths(given):
    with pytest.raises(UserError, match="it must be a whole number from 1"):
        width_for_cardinality(**given)


# Table 7, Appendix A: templates of Table 1's kind at width 64, three stages
CIFAR = {
    1: (748.4e6, (215_808, 939_520, 3_746_816)),
    2: (1411.1e6, (413_184, 1_743_872, 6_961_152)),
    4: (2736.5e6, (807_936, 3_352_576, 13_389_824)),
    8: (5387.3e6, (1_597_440, 6_569_984, 26_247_168)),
    16: (10688.9e6, (3_176_448, 13_004_800, 51_961_856)),
}


@pytest.mark.parametrize("cardinality", CIFAR)
def test_cifar(cardinality: int):
    operations, stage_params = CIFAR[cardinality]
    name = f"resnext29_{cardinality}x64d_cifar"
    net = on_meta(name)
    assert stage_rows(name) == [
        ("conv2", 32, 256, stage_params[0]),
        ("conv3", 16, 512, stage_params[1]),
        ("conv4", 8, 1024, stage_params[2]),
    ]
    assert params(net) == sum(stage_params) + 64 * 27 + 128 + 1024 * 10 + 10
    assert round(mult_adds(name) / 1e5) == round(operations / 1e5)
    assert weighted_layers(net) == 29
    widths = [stage[0].spatial.conv.out_channels for stage in net.stages]
    assert widths == [cardinality * d for d in (64, 128, 256)]


TINY = {"depths": (1, 2), "stem": "3x3", "input_side": 16, "num_classes": 7}


@pytest.mark.parametrize("layers", [3, 2])
@pytest.mark.parametrize("form", ["concat", "sum"])
def test_forms_are_equal(form: str, layers: int):
    """Fig. 3: the same function and the same number of weights; Fig. 4: two layers just widen."""
    changes = {**TINY, "cardinality": 4, "width": 6, "layers_per_unit": layers}
    torch.manual_seed(0)
    grouped = randomised(models.build("resnext50_32x4d", **changes))
    spec = models.spec_of("resnext50_32x4d", **changes, form=form)
    other = models.build("resnext50_32x4d", **changes, form=form).eval()
    images = torch.randn(2, 3, 16, 16)
    assert params(other) == params(grouped)
    with torch.no_grad():
        assert difference(other(images), grouped(images)) > 0.01
        other.load_state_dict(in_form(grouped.state_dict(), spec), strict=True)
        assert difference(other(images), grouped(images)) <= 1e-5


def test_what_the_forms_are_made_of():
    """Fig. 3a and 3b have C paths, 3c groups; with two layers no group is left (Fig. 4)."""
    units = {
        (form, layers): on_meta(
            "resnext50_32x4d", depths=(2,), form=form, layers_per_unit=layers
        ).stages[0][1]
        for form in ("grouped", "concat", "sum")
        for layers in (3, 2)
    }
    assert convolutions(units["grouped", 3]) == [(256, 1, 128, 1), (128, 3, 128, 32),
                                                 (128, 1, 256, 1)]  # fmt: skip
    path = [(256, 1, 4, 1), (4, 3, 4, 1)]
    assert convolutions(units["concat", 3]) == [*path * 32, (128, 1, 256, 1)]
    assert convolutions(units["sum", 3]) == [*path, (4, 1, 256, 1)] * 32
    assert convolutions(units["grouped", 2]) == [(256, 3, 128, 1), (128, 3, 256, 1)]
    assert convolutions(units["concat", 2]) == [(256, 3, 4, 1)] * 32 + [(128, 3, 256, 1)]
    assert convolutions(units["sum", 2]) == [(256, 3, 4, 1), (4, 3, 256, 1)] * 32
    assert len({params(unit) for (_, layers), unit in units.items() if layers == 3}) == 1
    assert len({params(unit) for (_, layers), unit in units.items() if layers == 2}) == 1


def test_grouped_stays_as_it_is():
    state = on_meta("resnext50_32x4d", **TINY).state_dict()
    assert in_form(state, models.spec_of("resnext50_32x4d", **TINY)) == dict(state)


@pytest.mark.parametrize("width", [0.25, 0.3, 0.77])
@pytest.mark.parametrize("template", [(12, 4), (8, 14), (2, 40)])
def test_groups_divide_at_every_width(template: tuple[int, int], width: float):
    cardinality, d = template
    changes = {**TINY, "cardinality": cardinality, "width": d, "width_multiplier": width}
    groups = set()
    for form in ("grouped", "sum"):
        net = on_meta("resnext50_32x4d", **changes, form=form)
        assert net(torch.empty(1, 3, 16, 16, device="meta")).shape == (1, 7)
        groups |= {m.groups for m in net.modules() if isinstance(m, nn.Conv2d)}
    assert groups == {1, cardinality}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"form": "split"}, "form='split' is unknown. Use 'grouped', 'concat' or 'sum'."),
        ({"layers_per_unit": 4}, "layers_per_unit=4 is unknown. Use 2 or 3."),
        ({"cardinality": 0}, "cardinality=0; it must be a whole number from 1."),
        ({"width": 2.5}, "width=2.5; it must be a whole number from 1."),
        ({"stem": "5x5"}, "stem='5x5' is unknown. Use '7x7' or '3x3'."),
        ({"shortcut": "D"}, "shortcut='D' is unknown."),
    ],
)
def test_what_cannot_be_built(given, message: str):
    with pytest.raises(UserError) as caught:
        on_meta("resnext50_32x4d", **given)
    assert str(caught.value).startswith(message)


def randomised(net: nn.Module) -> nn.Module:
    """Random statistics and factors, so that a norm in the wrong place shows."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight.data, layer.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (layer.bias.data, layer.running_mean):
                tensor.normal_()
    return net.eval()


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


def convolutions(unit: nn.Module) -> list[tuple[int, int, int, int]]:
    """(in, kernel, out, groups) of each, as the figures write them."""
    return [
        (m.in_channels, m.kernel_size[0], m.out_channels, m.groups)
        for m in unit.modules()
        if isinstance(m, nn.Conv2d)
    ]
