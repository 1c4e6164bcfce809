"""Szegedy et al. 2017: Fig. 15 with Figs. 7 and 10 to 19; the authors' release; Hu et al. 2018."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.facts.papers import HU2018
from convatlas.layers import Scale, SqueezeExcite
from convatlas.models.inception_resnet import FAMILY
from tests.papers.branches import recount
from tests.papers.output_shapes import size_of
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

V1_A = ("1x1:32", "1x1:32 3x3:32", "1x1:32 3x3:32 3x3:32")
V1_B = ("1x1:128", "1x1:128 1x7:128 7x1:128")
V1_C = ("1x1:192", "1x1:192 1x3:192 3x1:192")
V2_A = ("1x1:32", "1x1:32 3x3:32", "1x1:32 3x3:48 3x3:64")
V2_B = ("1x1:192", "1x1:128 1x7:160 7x1:192")
V2_C = ("1x1:192", "1x1:192 1x3:224 3x1:256")
V1_REDUCTION_A = ("pool", "3x3:384", "1x1:192 3x3:192 3x3:256")
V1_REDUCTION_B = ("pool", "1x1:256 3x3:384", "1x1:256 3x3:256", "1x1:256 3x3:256 3x3:256")
V2_REDUCTION_A = ("pool", "3x3:384", "1x1:256 3x3:256 3x3:384")
V2_REDUCTION_B = ("pool", "1x1:256 3x3:384", "1x1:256 3x3:288", "1x1:256 3x3:288 3x3:320")
V1_STEM = ("3x3:32 3x3:32 3x3:64 pool 1x1:80 3x3:192 3x3:256",)
# stem's channels; branches and number of A, of B, of C; what is joined; reductions
FIGURES = {
    "inception_resnet_v1": (
        256,
        ((V1_A, 5), (V1_B, 10), (V1_C, 5)),
        (V1_REDUCTION_A, V1_REDUCTION_B),
    ),
    "inception_resnet_v2": (
        384,
        ((V2_A, 5), (V2_B, 10), (V2_C, 5)),
        (V2_REDUCTION_A, V2_REDUCTION_B),
    ),
    "inception_resnet_v2_released": (
        320,
        ((V2_A, 10), (V2_B, 20), (V2_C, 10)),
        (V2_REDUCTION_A, V2_REDUCTION_B),
    ),
}
SIDES = {
    "inception_a": 35,
    "reduction_a": 17,
    "inception_b": 17,
    "reduction_b": 8,
    "inception_c": 8,
}
#                                params, M mult-adds, channels of A, B and C
TOTALS = {
    "inception_resnet_v1": (22_756_328, 6_206, (256, 896, 1792)),
    "inception_resnet_v2": (32_433_928, 9_258, (384, 1152, 2144)),
    "inception_resnet_v2_released": (55_843_464, 13_156, (320, 1088, 2080)),
    "se_inception_resnet_v2": (64_387_444, 13_164, (320, 1088, 2080)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_fig_15(name: str):
    channels, modules, reductions = FIGURES[name]
    rows = {row[0]: row for row in stage_rows(name)}
    for letter, (branches, number), reduction in zip(
        "abc", modules, (*reductions, ()), strict=True
    ):
        inner, joined = recount(channels, *branches)
        linear = joined * channels + channels  # its bias; no batch norm
        stage = f"inception_{letter}"
        assert rows[stage] == (stage, SIDES[stage], channels, number * (inner + linear))
        if reduction:
            total, channels = recount(channels, *reduction)
            stage = f"reduction_{letter}"
            assert rows[stage] == (stage, SIDES[stage], channels, total)


@pytest.mark.parametrize("name", TOTALS)
def test_totals(name: str):
    total, operations, channels = TOTALS[name]
    net = on_meta(name)
    assert params(net) == total
    assert round(mult_adds(name) / 1e6) == operations
    assert (
        tuple(width for stage, _, width, _ in stage_rows(name) if "inception" in stage) == channels
    )
    assert net.classifier.in_features == (1536 if total > 40e6 else channels[-1])


def test_stems():
    """Fig. 14 for v1; Fig. 3, in its own order, for v2; Inception v3's and a module as released."""
    stems = [on_meta(name).stem for name in FIGURES]
    released = recount(3, "3x3:32 3x3:32 3x3:64 pool 1x1:80 3x3:192")[0]
    mixed, width = recount(192, "1x1:96", "1x1:48 5x5:64", "1x1:64 3x3:96 3x3:96", "pool 1x1:64")
    assert width == 320
    assert params(stems[0]) == recount(3, *V1_STEM)[0]
    assert params(stems[1]) == params(on_meta("inception_v4_figures").stem)
    assert stems[1].factored.branches["long"][1].conv.kernel_size == (7, 1)
    assert params(stems[2]) == released + mixed


def test_a_net_of_5_10_5_is_not_the_release():
    """The notes give the released net's parameters to the figures' numbers of modules."""
    shortened = on_meta("inception_resnet_v2_released", modules=(5, 10, 5))
    assert params(shortened) == 33_782_664
    assert params(on_meta("inception_resnet_v2", modules=(10, 20, 10))) == 55_284_488


@pytest.mark.parametrize("name", TOTALS)
def test_corrections_are_scaled_before_the_addition(name: str):
    """Sec. 3.3: between 0.1 and 0.3. The release adds its last one as it is, without ReLU."""
    net = on_meta(name)
    released = name not in ("inception_resnet_v1", "inception_resnet_v2")
    for stage, factor in (("inception_a", 0.17), ("inception_b", 0.10), ("inception_c", 0.20)):
        *blocks, last = net.stages.get_submodule(stage)
        if not (released and stage == "inception_c"):
            blocks.append(last)
        assert {block.scale.factor for block in blocks} == {factor}
        assert all(isinstance(block.relu, nn.ReLU) for block in blocks)
    ends = (last.scale, last.relu)
    assert all(isinstance(end, nn.Identity) for end in ends) == released


@pytest.mark.parametrize("name", ["inception_resnet_v1", "se_inception_resnet_v2"])
def test_a_module_adds_its_scaled_correction_and_rectifies(name: str):
    """Fig. 20. Gates, where there are any, come before the scaling."""
    torch.manual_seed(0)
    net = models.build(name, width_multiplier=0.25, modules=(1, 1, 2)).eval()
    block = net.stages.inception_a[0]
    x = torch.randn(2, block.linear.out_channels, 9, 9)
    with torch.no_grad():
        correction = block.excite(block.linear(block.branches(x)))
        assert torch.allclose(block(x), (x + 0.17 * correction).relu(), atol=1e-6)
        assert float(correction.abs().max()) > 0.1
    assert isinstance(block.excite, SqueezeExcite) == name.startswith("se_")


def test_one_means_no_scaling():
    net = on_meta("inception_resnet_v2", scales=(1, 1, 1))
    assert not any(isinstance(module, Scale) for module in net.modules())


def test_squeeze_and_excitation():
    """r = 16 in all 40 modules: two linear layers with bias each, and 0.01 G as Table 2 prints."""
    plain, gated = on_meta("inception_resnet_v2_released"), on_meta("se_inception_resnet_v2")
    gates = [module for module in gated.modules() if isinstance(module, SqueezeExcite)]
    assert len(gates) == 40
    added = sum(
        number * (2 * c * c // 16 + c + c // 16)
        for number, c in ((10, 320), (20, 1088), (10, 2080))
    )
    assert params(gated) - params(plain) == added
    more = mult_adds("se_inception_resnet_v2") - mult_adds("inception_resnet_v2_released")
    assert compare("0.01e9", more) == "rounds"


SIZES = [fact for fact in FAMILY.facts if fact.part]
BY_HU2018 = [fact for fact in FAMILY.facts if fact.paper == HU2018]


@pytest.mark.parametrize("fact", SIZES, ids=lambda f: f"{f.where}-{f.part}-{f.quantity}")
def test_printed_size(fact):
    assert (str(size_of(fact)) == fact.printed) == (not fact.because)


def test_widths_that_cannot_be_added():
    """Figs. 17 and 19 print 1154 and 2048 channels; the reductions before them give others."""
    assert {fact.printed for fact in SIZES if fact.because} == {"1154", "2048"}
    assert recount(384, *V2_REDUCTION_A)[1] == 384 + 384 + 384 == 1152
    assert recount(1152, *V2_REDUCTION_B)[1] == 1152 + 384 + 288 + 320 == 2144
    assert recount(1152, *V1_REDUCTION_B)[1] == 2048  # v1's filters behind v2's channels


@pytest.mark.parametrize("fact", BY_HU2018, ids=lambda f: f"{f.variant}={f.printed}")
def test_hu2018_built_another_net(fact):
    """Neither net that the paper or its authors describe has the printed mult-adds."""
    assert fact.because
    for name in TOTALS:
        assert compare(fact.printed, mult_adds(name)) == "differs"


def test_all_facts_are_tested():
    assert len(SIZES) + len(BY_HU2018) == len(FAMILY.facts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": "v2"}, "stem='v2' is unknown. Use 'v1', 'v4' or 'released'."),
        ({"scales": (0.17, 0.0, 0.2)}, r"scales=\(0.17, 0.0, 0.2\); each must be above 0"),
        ({"se_reduction": 0}, "se_reduction=0. Use 1 or more, or None for no gates."),
        ({"input_side": 74}, "input_side=74 is too small .* Use 75 or more."),
        ({"modules": (5, 10, 0)}, r"modules=\(5, 10, 0\); each of A, B and C"),
    ],
)
def test_what_cannot_be_built(changes: dict, message: str):
    with pytest.raises(UserError, match=message):
        models.build("inception_resnet_v2", **changes)


@pytest.mark.parametrize("name", FIGURES)
def test_the_least_side(name: str):
    assert [side for _, side, *_ in stage_rows(name, input_side=75)][:5] == [7, 3, 3, 1, 1]
