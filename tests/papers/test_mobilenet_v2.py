"""MobileNet v2 against arXiv:1801.04381 and the authors' checkpoint table."""

import pytest
from torch import nn

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
