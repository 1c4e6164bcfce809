"""Szegedy et al. 2015: Table 1, the modules of Fig. 2, the heads of Sec. 5."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.analysis import check_facts
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import SqueezeExcite
from convatlas.models.googlenet import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers

TABLE_1 = {
    #     in, side, out, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj, printed K, printed M
    "3a": (192, 28, 256, 64, 96, 128, 16, 32, 32, 159, 128),
    "3b": (256, 28, 480, 128, 128, 192, 32, 96, 64, 380, 304),
    "4a": (480, 14, 512, 192, 96, 208, 16, 48, 64, 364, 73),
    "4b": (512, 14, 512, 160, 112, 224, 24, 64, 64, 437, 88),
    "4c": (512, 14, 512, 128, 128, 256, 24, 64, 64, 463, 100),
    "4d": (512, 14, 528, 112, 144, 288, 32, 64, 64, 580, 119),
    "4e": (528, 14, 832, 256, 160, 320, 32, 128, 128, 840, 170),
    "5a": (832, 7, 832, 256, 160, 320, 32, 128, 128, 1072, 54),
    "5b": (832, 7, 1024, 384, 192, 384, 48, 128, 128, 1388, 71),
}
STEM, CLASSIFIER = 7 * 7 * 3 * 64 + 64 + 64 * 65 + 192 * (9 * 64 + 1), 1000 * 1025


def weights_of(inputs, c1, r3, c3, r5, c5, projection, *, kernel=5):
    return inputs * (c1 + r3 + r5 + projection) + 9 * r3 * c3 + kernel**2 * r5 * c5


def modules(name, **changes):
    """Rows without those of the pools between modules."""
    return [row for row in stage_rows(name, **changes) if row[3]]


def test_table_1():
    rows = [
        (f"inception_{name}", side, out, weights_of(inputs, *widths) + sum(widths))
        for name, (inputs, side, out, *widths, _, _) in TABLE_1.items()
    ]
    assert modules("googlenet") == rows
    assert params(on_meta("googlenet", aux=False)) == 6_998_552
    assert sum(row[3] for row in rows) + STEM + CLASSIFIER == 6_998_552
    assert mult_adds("googlenet") == 1_582_671_872
    for name, (inputs, side, _, *widths, _, millions) in TABLE_1.items():
        agrees = compare(f"{millions}e6", weights_of(inputs, *widths) * side**2) != "differs"
        assert agrees == (name != "5a")


def test_a_module_is_two_layers_deep_and_the_net_22():
    """Three in the stem, nine modules, one classifier: branches do not add up."""
    assert weighted_layers(on_meta("googlenet", aux=False)) == 3 + 9 * 6 + 1
    depths = {c.fact.part: c.measured for c in check_facts("googlenet") if is_depth(c.fact)}
    assert depths.pop("") == sum(depths.values()) == 22


def is_depth(fact):
    return fact.quantity == "layers" and fact in FAMILY.facts


def test_the_params_column_counts_in_units_of_1024_where_it_follows_from_the_row():
    found = {
        name: round((weights_of(inputs, *widths) + sum(widths)) / 1024, 1)
        for name, (inputs, _, _, *widths, _, _) in TABLE_1.items()
    }
    assert found == {
        "3a": 159.9,  # printed 159
        "3b": 379.6,  # printed 380
        "4a": 367.4,  # printed 364, and so on
        "4b": 438.6,
        "4c": 498.1,
        "4d": 591.2,
        "4e": 848.0,
        "5a": 1019.0,
        "5b": 1410.2,
    }


def test_the_first_row_has_the_figures_of_a_separable_convolution():
    separable = 7 * 7 * 3 * 8 + 3 * 8 * 64
    assert compare("2.7", (separable + 64) / 1024) == "rounds"
    assert compare("34e6", separable * 112**2) == "rounds"


def test_the_row_of_5a_has_the_figures_of_928_input_channels():
    *_, thousands, millions = TABLE_1["5a"]
    weights = weights_of(928, *TABLE_1["5a"][3:9])
    assert weights == thousands * 1024
    assert compare(f"{millions}e6", weights * 7**2) == "rounds"


def test_printed_figures():
    own = [checked for checked in check_facts("googlenet") if checked.fact in FAMILY.facts]
    assert len(own) == len(FAMILY.facts)
    for checked in own:
        assert (checked.verdict == "differs") == bool(checked.fact.because), checked


@pytest.mark.parametrize(("name", "kernel"), [("googlenet", 5), ("googlenet_3x3", 3)])
def test_the_wide_branch(name: str, kernel: int):
    """The classic mistake: equal shapes everywhere, 373,648 weights fewer."""
    convs = [
        module
        for path, module in on_meta(name).stages.named_modules()
        if "conv5x5.conv" in path and isinstance(module, nn.Conv2d)
    ]
    assert [conv.kernel_size for conv in convs] == [(kernel, kernel)] * 9
    assert [row[:3] for row in modules(name)] == [row[:3] for row in modules("googlenet")]


def test_what_libraries_call_googlenet():
    assert params(on_meta("googlenet_3x3", aux=False)) == 6_624_904
    assert params(on_meta("googlenet_3x3")) == 13_004_888
    assert round(mult_adds("googlenet_3x3") / 1e6) == 1498
    kinds = [type(module) for module in on_meta("googlenet_3x3").modules()]
    assert nn.LocalResponseNorm not in kinds
    assert on_meta("googlenet_3x3").stages.pool4.kernel_size == 2


def test_response_normalisation_stands_around_the_second_convolution():
    names = [name for name, _ in on_meta("googlenet").stem.named_children()]
    assert names == ["conv1", "pool1", "norm1", "conv2", "norm2", "pool2"]


def test_heads():
    """Sec. 5: 4x4x512 and 4x4x528, 128, 1024, 1000."""
    net = on_meta("googlenet")
    assert {name: params(head) for name, head in net.aux.items()} == {
        "inception_4a": 512 * 128 + 128 + 2048 * 1024 + 1024 + 1024 * 1000 + 1000,
        "inception_4d": 528 * 128 + 128 + 2048 * 1024 + 1024 + 1024 * 1000 + 1000,
    }
    assert params(net) == 13_378_280
    for name, channels in (("inception_4a", 512), ("inception_4d", 528)):
        pool = net.aux[name].pool
        assert (pool.kernel_size, pool.stride) == (5, 3)
        assert pool(torch.empty(1, channels, 14, 14, device="meta")).shape == (1, channels, 4, 4)


@pytest.mark.parametrize("side", [31, 64, 223, 224, 255, 256])
def test_heads_have_one_size_on_every_side(side: int):
    net = on_meta("googlenet", input_side=side, width_multiplier=0.25)
    logits, heads = net.forward_with_aux(torch.empty(2, 3, side, side, device="meta"))
    assert [logits.shape, *(head.shape for head in heads)] == [(2, 1000)] * 3


def test_without_heads_nothing_asks_for_them():
    net = on_meta("googlenet", aux=False)
    assert not hasattr(net, "aux")
    assert not hasattr(net, "forward_with_aux")


def test_naive_modules_grow_without_end():
    """Fig. 2a: every module adds its three widths to the channels that it gets."""
    rows, channels, total = modules("googlenet_naive"), 192, STEM
    for (name, _, out, count), row in zip(rows, TABLE_1.values(), strict=True):
        _, _, _, c1, _, c3, _, c5, *_ = row
        assert count == channels * (c1 + 9 * c3 + 25 * c5) + c1 + c3 + c5, name
        channels, total = channels + c1 + c3 + c5, total + count
        assert out == channels, name
    assert channels == 4944
    assert params(on_meta("googlenet_naive", aux=False)) == total + 1000 * 4945 == 97_526_008
    assert mult_adds("googlenet_naive") > 7 * mult_adds("googlenet")


def test_gates_follow_every_concatenation():
    plain = {name: count for name, *_, count in modules("googlenet")}
    for name, _, channels, count in modules("se_inception"):
        hidden = channels // 16
        assert count - plain[name] == 2 * channels * hidden + channels + hidden
    net = on_meta("se_inception")
    gates = [path for path, m in net.named_modules() if isinstance(m, SqueezeExcite)]
    assert gates == [f"stages.inception_{name}.gate" for name in TABLE_1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wide_kernel": 7}, "wide_kernel=7 is unknown. Use 3 or 5."),
        ({"normalisation": "layer"}, "normalisation='layer' is unknown. Use 'local_response' or "),
        ({"last_pool": 4}, "last_pool=4 is unknown. Use 2 or 3."),
        ({"aux_pool": "max"}, "aux_pool='max' is unknown. Use 'strided' or 'adaptive'."),
        ({"se_reduction": 0}, "se_reduction=0. Use 1 or more, or None for no gates."),
        ({"input_side": 30}, "input_side=30 leaves module 5a nothing: use 31 or more."),
    ],
)
def test_what_cannot_be_built(changes: dict[str, object], message: str):
    with pytest.raises(UserError) as caught:
        models.build("googlenet", **changes)
    assert str(caught.value).startswith(message)
