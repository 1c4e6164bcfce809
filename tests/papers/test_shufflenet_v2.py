"""ShuffleNet v2 against arXiv:1807.11164, Table 5."""

import pytest
import torch
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


@pytest.mark.parametrize("fact", facts_of("shufflenet_v2_x1_0"), ids=fact_id)
def test_printed_figure(fact):
    assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("size", "total_params", "total_mult_adds", "channels"),
    [
        ("x0_5", 1_366_792, 40_476_448, (24, 48, 96, 192, 1024)),
        ("x1_0", 2_278_604, 144_907_992, (24, 116, 232, 464, 1024)),
        ("x1_5", 3_503_624, 295_759_392, (24, 176, 352, 704, 1024)),
        ("x2_0", 7_393_996, 583_253_464, (24, 244, 488, 976, 2048)),
    ],
)
def test_table_5_columns(size, total_params, total_mult_adds, channels):
    net = on_meta(f"shufflenet_v2_{size}")
    assert params(net) == total_params
    assert sum(mult_adds(net, 224).values()) == total_mult_adds
    x = net.get_submodule("stem")(torch.empty(1, 3, 224, 224, device="meta"))
    widths = [x.shape[1]]
    for stage in net.get_submodule("stages").children():
        x = stage(x)
        widths.append(x.shape[1])
    assert tuple(widths) == channels


def test_table_5_stages():
    net = on_meta("shufflenet_v2_x1_0")
    assert stage_rows(net, 224) == [
        # row      side  params
        ("stem", 56, 696),
        ("stage2", 28, 30_192),
        ("stage3", 14, 244_180),
        ("stage4", 7, 501_352),
        ("conv5", 7, 477_184),
    ]
    assert [len(net.get_submodule(f"stages.stage{i}")) for i in (2, 3, 4)] == [4, 8, 4]


def test_causes_of_differences_are_the_counted_ones():
    """With a bias per convolution and classifier output: 41.5, 146.9, 298.5, 587.0 M."""
    for size, biased in (("x0_5", 41.5), ("x1_0", 146.9), ("x1_5", 298.5), ("x2_0", 587.0)):
        net = on_meta(f"shufflenet_v2_{size}")
        found = mult_adds(net, 224)
        outputs = sum(n // net.get_submodule(name).weight[0].numel() for name, n in found.items())
        assert round((sum(found.values()) + outputs) / 1e6, 1) == biased
        fact = next(f for f in facts_of("shufflenet_v2_x0_5") if f.because and size in f.variant)
        assert f"{sum(found.values()) / 1e6:.1f} M" in fact.because
        assert f"{biased} M" in fact.because


def test_half_of_the_channels_passes_a_unit_untouched_and_is_interleaved():
    """Fig. 3c: the shuffle comes after the concatenation, so the first half lands on 0, 2, 4..."""
    unit = build("shufflenet_v2_x0_5").get_submodule("stages.stage2.1").eval()
    x = torch.randn(2, 48, 5, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = unit(x)
        assert torch.equal(y[:, 0::2], x[:, :24])
        assert torch.equal(y[:, 1::2], unit.branch(x[:, 24:]))


def test_units_have_no_activation_after_the_depthwise_convolution():
    for module in on_meta("shufflenet_v2_x1_0").modules():
        conv = getattr(module, "conv", None)
        if isinstance(conv, nn.Conv2d) and conv.groups > 1:
            assert isinstance(module.activation, nn.Identity)


def test_last_convolution_comes_before_the_pool():
    stages = dict(on_meta("shufflenet_v2_x1_0").get_submodule("stages").named_children())
    assert list(stages) == ["stage2", "stage3", "stage4", "conv5"]
    assert stages["conv5"].conv.kernel_size == (1, 1)


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(UserError, match=r"Stage2 has 47 channels.*even number"):
        build("shufflenet_v2_x0_5", stages=((4, 47), (8, 96), (4, 192)))


def test_deep_nets_of_the_appendix():
    """50 and 164 layers: stage 2 keeps 56 x 56; three convolutions before it in the deeper one."""
    for name, stem, stages, units in [
        ("shufflenet_v2_50", [64], [(244, 56), (488, 28), (976, 14), (1952, 7)], 16),
        (
            "se_shufflenet_v2_164",
            [64, 64, 128],
            [(340, 56), (680, 28), (1360, 14), (2720, 7)],
            53,
        ),
    ]:
        net = on_meta(name)
        assert [m.out_channels for m in net.stem.modules() if isinstance(m, nn.Conv2d)] == stem
        sides = [side for _, side, _ in stage_rows(net, 224)[1:-1]]
        widths = [s[-1].branch[2].conv.out_channels * 2 for s in list(net.stages)[:-1]]
        assert list(zip(widths, sides, strict=True)) == stages
        assert sum(len(stage) for stage in list(net.stages)[:-1]) == units


def test_the_working_half_of_a_very_deep_unit_is_residual():
    torch.manual_seed(0)
    unit = build("se_shufflenet_v2_164", width_multiplier=0.25).stages.stage2[1].eval()
    channels = unit.branch[0].conv.in_channels
    x = torch.randn(1, 2 * channels, 5, 5)
    with torch.no_grad():
        made = (unit.branch(x[:, channels:]) + x[:, channels:]).relu()
        joined = unit.join.excite(torch.cat([x[:, :channels], made], 1))
        assert torch.equal(unit(x)[:, 1::2], joined[:, channels:])
