"""MobileNet v2 against arXiv:1801.04381 and the authors' checkpoint table."""

import pytest
from torch import nn

from convatlas.errors import UserError
from convatlas.models import build
from tests.papers.running_sums import (
    fact_id,
    facts_of,
    mult_adds,
    on_meta,
    params,
    stage_rows,
    verdict,
)


@pytest.mark.parametrize("fact", facts_of("mobilenet_v2"), ids=fact_id)
def test_printed_figure(fact):
    assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("variant", "total_params", "total_mult_adds", "last_channels"),
    [
        ("mobilenet_v2_w140", 6_108_776, 582_195_824, 1792),
        ("mobilenet_v2_w130", 5_386_792, 509_374_560, 1664),
        ("mobilenet_v2", 3_504_872, 300_774_272, 1280),
        ("mobilenet_v2_w075", 2_636_424, 209_069_792, 1280),
        ("mobilenet_v2_w050", 1_968_680, 97_131_840, 1280),
        ("mobilenet_v2_w035", 1_677_128, 59_285_808, 1280),
    ],
)
def test_totals(variant, total_params, total_mult_adds, last_channels):
    net = on_meta(variant)
    assert params(net) == total_params
    assert sum(mult_adds(net, 224).values()) == total_mult_adds
    assert net.get_submodule("classifier").in_features == last_channels


def test_table_2_stages():
    assert stage_rows(on_meta("mobilenet_v2"), 224) == [
        # row          side  params
        ("stem", 112, 928),
        ("bottleneck1", 112, 896),
        ("bottleneck2", 56, 13_968),
        ("bottleneck3", 28, 39_696),
        ("bottleneck4", 14, 183_872),
        ("bottleneck5", 14, 303_168),
        ("bottleneck6", 7, 795_264),
        ("bottleneck7", 7, 473_920),
        ("last", 7, 412_160),
    ]


def test_expansion_1_has_no_expanding_convolution():
    first = on_meta("mobilenet_v2").get_submodule("stages.bottleneck1.0")
    assert isinstance(first.expand, nn.Identity)
    assert sum(isinstance(m, nn.Conv2d) for m in first.modules()) == 2


def test_bottleneck_is_linear():
    for stage in range(1, 8):
        block = on_meta("mobilenet_v2").get_submodule(f"stages.bottleneck{stage}.0")
        assert isinstance(block.project.activation, nn.Identity)
        assert isinstance(block.depthwise.activation, nn.ReLU6)


def test_shortcut_only_where_shapes_agree():
    net = on_meta("mobilenet_v2")
    residual = [
        [block.residual for block in stage.children()]
        for name, stage in net.get_submodule("stages").named_children()
        if name != "last"
    ]
    assert residual == [[False] + [True] * (n - 1) for n in (1, 2, 3, 4, 3, 3, 1)]


def test_released_counts_leave_out_batch_norm():
    rows = {"": 3.47, "_w140": 6.06, "_w130": 5.34, "_w075": 2.61, "_w050": 1.95, "_w035": 1.66}
    for ending, printed in rows.items():
        net = on_meta(f"mobilenet_v2{ending}")
        norms = sum(params(m) for m in net.modules() if isinstance(m, nn.BatchNorm2d))
        assert round((params(net) - norms) / 1e6, 2) == printed


ABLATIONS = ("nonlinear_bottleneck", "expansion_shortcut", "no_shortcut")


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_of_figure_6_have_the_same_convolutions(name: str):
    """They differ in activations and shortcuts only: equal params and mult-adds."""
    base, other = on_meta("mobilenet_v2"), on_meta(f"mobilenet_v2_{name}")
    shapes = [
        sorted(tuple(m.weight.shape) for m in net.modules() if isinstance(m, nn.Conv2d))
        for net in (base, other)
    ]
    assert shapes[0] == shapes[1]
    assert mult_adds(other, 224) != {}
    assert sum(mult_adds(other, 224).values()) == sum(mult_adds(base, 224).values())


def test_what_the_ablations_change():
    def count(name: str, kind: type[nn.Module]) -> int:
        return sum(isinstance(m, kind) for m in on_meta(name).modules())

    def shortcuts(name: str) -> int:
        return sum(getattr(m, "residual", False) for m in on_meta(name).modules())

    base = "mobilenet_v2"
    assert count("mobilenet_v2_nonlinear_bottleneck", nn.ReLU6) == count(base, nn.ReLU6) + 17
    assert count("mobilenet_v2_expansion_shortcut", nn.ReLU6) == count(base, nn.ReLU6)
    assert shortcuts(base) == shortcuts("mobilenet_v2_nonlinear_bottleneck") == 10
    assert shortcuts("mobilenet_v2_no_shortcut") == 0
    # Wide ends agree behind every filter of stride 1 whose next block is as wide.
    assert shortcuts("mobilenet_v2_expansion_shortcut") == 10
    wide = on_meta("mobilenet_v2_expansion_shortcut").stages.bottleneck3[1]
    assert (wide.depthwise.conv.in_channels, wide.expand.conv.out_channels) == (192, 192)


def test_unknown_shortcut():
    with pytest.raises(UserError, match="shortcut='wide' is unknown"):
        build("mobilenet_v2", shortcut="wide")
