"""Ioffe and Szegedy 2015: the table of Fig. 5; Hu et al. 2018: its form with gates."""

import pytest

from convatlas import models
from convatlas.analysis import check_facts
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import SqueezeExcite
from convatlas.models.bn_inception import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

FIG_5 = {
    #     side, channels as printed, as the caffe port has them
    "3a": (28, 256, 256),
    "3b": (28, 320, 320),
    "3c": (14, 576, 576),
    "4a": (14, 576, 576),
    "4b": (14, 576, 576),
    "4c": (14, 576, 608),
    "4d": (14, 576, 608),
    "4e": (7, 1024, 1056),
    "5a": (7, 1024, 1024),
    "5b": (7, 1024, 1024),
}
# Weights of convolutions and the classifier when 4c and 4d project to 128 channels.
WEIGHTS = {
    "conv1": 9_408,
    "conv2": 114_688,
    "3a": 218_112,
    "3b": 259_072,
    "3c": 384_000,
    "4a": 608_256,
    "4b": 663_552,
    "4c": 912_384,
    "4d": 1_140_736,
    "4e": 1_447_936,
    "5a": 2_205_696,
    "5b": 2_276_352,
    "fc": 1_024_000,
}


def weights(module):
    return sum(p.numel() for p in module.parameters() if p.dim() > 1)


@pytest.mark.parametrize(("name", "column"), [("bn_inception", 1), ("bn_inception_caffe", 2)])
def test_fig_5(name: str, column: int):
    assert [row[:3] for row in stage_rows(name)] == [
        (f"inception_{module}", row[0], row[column]) for module, row in FIG_5.items()
    ]


@pytest.mark.parametrize(
    ("name", "total", "millions"),
    [
        ("bn_inception", 11_188_288, 1935),
        ("bn_inception_caffe", 11_285_224, 2033),
        ("se_bn_inception", 11_931_622, 2033),
    ],
)
def test_totals(name: str, total: int, millions: int):
    assert params(on_meta(name)) == total
    assert round(mult_adds(name) / 1e6) == millions


def test_weights_of_the_caffe_reading():
    """A table of weights by module pins 4c and 4d: with 96 channels 4d has 1,105,920."""
    net = on_meta("bn_inception_caffe")
    parts = {"conv1": net.stem.conv1, "conv2": net.stem.conv2, "fc": net.classifier}
    parts |= {name.removeprefix("inception_"): m for name, m in net.stages.named_children()}
    assert {name: weights(parts[name]) for name in WEIGHTS} == WEIGHTS
    assert weights(net) == sum(WEIGHTS.values()) == 11_264_192
    assert weights(on_meta("bn_inception").stages.inception_4d) == 1_105_920


def test_biases_before_batch_norm_are_what_the_peer_has_more():
    net = on_meta("bn_inception_caffe")
    convs = sum(m.norm.num_features for m in net.modules() if hasattr(m, "norm"))
    assert params(net) + convs == 11_295_240


def test_the_first_layer_is_separable():
    """Appendix: depth multiplier 8, so 3 channels become 24, then 64."""
    stem = on_meta("bn_inception").stem
    assert tuple(stem.depthwise.weight.shape) == (24, 1, 7, 7)
    assert tuple(stem.conv1.conv.weight.shape) == (64, 24, 1, 1)
    ordinary = mult_adds("bn_inception", stem="7x7")
    assert ordinary - mult_adds("bn_inception") == (9408 - 1176 - 1536) * 112**2


def test_strides_stand_in_the_last_convolution_of_a_branch_and_the_pool_passes_through():
    """Fig. 5, rows 3c and 4e; and 5b alone pools by the maximum."""
    stages = on_meta("bn_inception").stages
    for name, module in stages.named_children():
        branches = module.branches
        strides = (branches["conv3x3"].conv.conv.stride, branches["double3x3"].second.conv.stride)
        assert branches["double3x3"].first.conv.stride == (1, 1)
        assert ("conv1x1" in branches) == hasattr(branches["pool"], "project")
        if name in ("inception_3c", "inception_4e"):
            assert strides == ((2, 2), (2, 2))
            assert params(branches["pool"]) == 0
        else:
            assert strides == ((1, 1), (1, 1))
            kind = type(branches["pool"].pool).__name__
            assert kind == ("MaxPool2d" if name == "inception_5b" else "AvgPool2d")


def test_gates_follow_every_module():
    net = on_meta("se_bn_inception")
    gates = {path: m for path, m in net.named_modules() if isinstance(m, SqueezeExcite)}
    assert list(gates) == [f"stages.inception_{name}.gate" for name in FIG_5]
    hidden = [gate.reduce.out_channels for gate in gates.values()]
    assert hidden == [16, 20, 36, 36, 36, 38, 38, 66, 64, 64]


def test_hu2018_counts_averages_and_products_of_the_gates():
    """The cause named for 2.04 G; without gates nothing is added to 2.03 G."""
    pixels = sum(side**2 * channels for _, side, channels, _ in stage_rows("se_bn_inception"))
    assert compare("2.04e9", mult_adds("se_bn_inception") + 2 * pixels) == "rounds"
    assert compare("2.03e9", mult_adds("bn_inception_caffe")) == "rounds"


def test_printed_figures():
    own = [checked for checked in check_facts("bn_inception") if checked.fact in FAMILY.facts]
    assert len(own) == len(FAMILY.facts)
    for checked in own:
        assert (checked.verdict == "differs") == bool(checked.fact.because), checked


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": "3x3"}, "stem='3x3' is unknown. Use 'separable' or '7x7'."),
        ({"se_reduction": 0}, "se_reduction=0. Use 1 or more, or None for no gates."),
        (
            {"input_side": 200},
            "input_side=200 leaves 25 pixels for module 3a; 3c and 4e halve them without a rest. "
            "Use a multiple of 32.",
        ),
        ({"input_side": 6}, "input_side=6 leaves 0 pixels for module 3a"),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError) as caught:
        models.build("bn_inception", **changes)
    assert str(caught.value).startswith(message)
