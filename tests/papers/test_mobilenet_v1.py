"""MobileNet against arXiv:1704.04861 and against the authors' released code."""

import pytest

from convatlas import models
from tests.papers.running_sums import (
    fact_id,
    facts_of,
    measured,
    mult_adds,
    on_meta,
    params,
    stage_rows,
    verdict,
)


@pytest.mark.parametrize("fact", facts_of("mobilenet_v1"), ids=fact_id)
def test_printed_figure(fact):
    assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("variant", "total_params", "total_mult_adds"),
    [
        ("mobilenet_v1", 4_231_976, 568_740_352),
        ("mobilenet_v1_w075", 2_585_560, 325_400_448),
        ("mobilenet_v1_w050", 1_331_592, 149_497_088),
        ("mobilenet_v1_w025", 470_072, 41_030_272),
        ("conv_mobilenet", 29_294_088, 4_867_293_184),
        ("shallow_mobilenet", 2_887_976, 307_323_392),
    ],
)
def test_totals(variant, total_params, total_mult_adds):
    net = on_meta(variant)
    assert params(net) == total_params
    assert sum(mult_adds(net, 224).values()) == total_mult_adds


def test_table_1_stages():
    assert stage_rows(on_meta("mobilenet_v1"), 224) == [
        # stage    side  params
        ("stem", 112, 928),
        ("stage1", 112, 2_528),
        ("stage2", 56, 27_200),
        ("stage3", 28, 103_552),
        ("stage4", 14, 1_478_912),
        ("stage5", 7, 1_593_856),
    ]


def test_layers_of_the_released_code():
    """Weights and mult-adds as the docstring of the authors' mobilenet_v1.py lists them."""
    net = on_meta("mobilenet_v1")
    found = mult_adds(net, 224)
    rows = [
        ("stem.conv", 864, 10_838_016),
        ("stages.stage1.0.depthwise.conv", 288, 3_612_672),
        ("stages.stage1.0.pointwise.conv", 2_048, 25_690_112),
        ("stages.stage2.0.depthwise.conv", 576, 1_806_336),
        ("stages.stage2.0.pointwise.conv", 8_192, 25_690_112),
        ("stages.stage2.1.depthwise.conv", 1_152, 3_612_672),
        ("stages.stage2.1.pointwise.conv", 16_384, 51_380_224),
        ("stages.stage3.0.depthwise.conv", 1_152, 903_168),
        ("stages.stage3.0.pointwise.conv", 32_768, 25_690_112),
        ("stages.stage3.1.depthwise.conv", 2_304, 1_806_336),
        ("stages.stage3.1.pointwise.conv", 65_536, 51_380_224),
        ("stages.stage4.0.depthwise.conv", 2_304, 451_584),
        ("stages.stage4.0.pointwise.conv", 131_072, 25_690_112),
        *[
            row
            for block in range(1, 6)
            for row in (
                (f"stages.stage4.{block}.depthwise.conv", 4_608, 903_168),
                (f"stages.stage4.{block}.pointwise.conv", 262_144, 51_380_224),
            )
        ],
        ("stages.stage5.0.depthwise.conv", 4_608, 225_792),
        ("stages.stage5.0.pointwise.conv", 524_288, 25_690_112),
        ("stages.stage5.1.depthwise.conv", 9_216, 451_584),
        ("stages.stage5.1.pointwise.conv", 1_048_576, 51_380_224),
    ]
    assert [(name, params(net, name), found[name]) for name, _, _ in rows] == rows
    assert sum(weights for _, weights, _ in rows) == 3_185_088
    assert sum(found.values()) - found["classifier"] == 567_716_352


def test_base_of_the_released_code_at_three_quarters_and_128():
    found = mult_adds(on_meta("mobilenet_v1_w075"), 128)
    assert sum(found.values()) - found["classifier"] == 106_002_432


def test_table_2_shares_in_percent():
    """Weights of convolutions and classifier only. Table 2 prints 1.19 for the stem's mult-adds,
    1.91 with two digits swapped: its column would add up to 99.29.
    """
    net = on_meta("mobilenet_v1")
    found = mult_adds(net, 224)
    rows = [
        # layers           mult-adds  params
        ("pointwise.conv", 94.86, 74.59),
        ("depthwise.conv", 3.06, 1.06),
        ("stem.conv", 1.91, 0.02),
        ("classifier", 0.18, 24.33),
    ]
    weights = {name: net.get_submodule(name).weight.numel() for name in found}

    def share(counts, ending):
        part = sum(n for name, n in counts.items() if name.endswith(ending))
        return round(100 * part / sum(counts.values()), 2)

    assert [(end, share(found, end), share(weights, end)) for end, _, _ in rows] == rows


def test_last_block_keeps_its_resolution():
    """Table 1 prints "s2" for the last depthwise convolution; its input and output are 7x7."""
    last = on_meta("mobilenet_v1").get_submodule("stages.stage5.1.depthwise.conv")
    assert last.stride == (1, 1)


def test_activation_is_plain_relu():
    kinds = {type(m).__name__ for m in on_meta("mobilenet_v1").modules()}
    assert "ReLU" in kinds
    assert "ReLU6" not in kinds


def test_causes_of_differences_are_the_counted_ones():
    by_id = {fact_id(f): f for f in facts_of("mobilenet_v1")}
    conv = by_id["conv_mobilenet-mult_adds=4866e6-Howard2017"]
    assert round((measured(conv) - 1_024_000) / 1e6) == 4866
    for side, printed in ((224, 317), (192, 233), (160, 162), (128, 104)):
        found = mult_adds(on_meta("mobilenet_v1_w075"), side)
        assert round((sum(found.values()) - found["stem.conv"]) / 1e6) == printed
    for variant, printed in (("mobilenet_v1", 4.24), ("mobilenet_v1_w050", 1.34)):
        net = on_meta(variant)
        norms = sum(m.num_features for m in net.modules() if type(m).__name__ == "BatchNorm2d")
        assert round((params(net) + norms) / 1e6, 2) == printed


def test_the_grid_of_widths_and_sides_has_a_name_per_net():
    names = [
        f"mobilenet_v1{width}{side}"
        for width in ("", "_w075", "_w050", "_w025")
        for side in ("", "_192", "_160", "_128")
    ]
    assert len({models.spec_of(name) for name in names}) == 16
    assert models.spec_of("mobilenet_v1_w050_160").input_side == 160


def test_se_mobilenet_by_hand():
    """2 C^2 / 16 weights and their biases per block, more than MobileNet."""
    channels = [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    gates = sum(2 * c * (c // 16) + c + c // 16 for c in channels)
    assert params(on_meta("se_mobilenet")) == params(on_meta("mobilenet_v1")) + gates
