"""SqueezeNet against arXiv:1602.07360, Tables 1 to 3 and Fig. 2, and the authors' files."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.models import build
from tests.papers.changed import changed, verdict
from tests.papers.running_sums import fact_id, facts_of, mult_adds, on_meta, params, stage_rows


@pytest.mark.parametrize("fact", facts_of("squeezenet_1_0"), ids=fact_id)
def test_printed_figure(fact):
    assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("variant", "total_params", "total_mult_adds"),
    [
        ("squeezenet_1_0", 1_248_424, 832_667_936),
        ("squeezenet_1_0_caffe", 1_248_424, 861_339_936),
        ("squeezenet_1_0_simple_bypass", 1_248_424, 832_667_936),
        ("squeezenet_1_0_complex_bypass", 1_589_672, 1_183_953_184),
        ("squeezenet_1_0_sr75", 4_841_704, 3_693_997_856),
        ("squeezenet_1_1", 1_235_496, 387_747_520),
    ],
)
def test_totals(variant, total_params, total_mult_adds):
    net = on_meta(variant)
    assert params(net) == total_params
    assert sum(mult_adds(net, 227).values()) == total_mult_adds


def test_table_1_layers():
    net = on_meta("squeezenet_1_0")
    assert stage_rows(net, 227) == [
        # layer  side  params
        ("stem", 111, 14_208),
        ("pool1", 55, 0),
        ("fire2", 55, 11_920),
        ("fire3", 55, 12_432),
        ("fire4", 55, 45_344),
        ("pool4", 27, 0),
        ("fire5", 27, 49_440),
        ("fire6", 27, 104_880),
        ("fire7", 27, 111_024),
        ("fire8", 27, 188_992),
        ("pool8", 13, 0),
        ("fire9", 13, 197_184),
    ]
    assert params(net, "classifier") == 513_000


@pytest.mark.parametrize(
    ("variant", "side"), [("squeezenet_1_0", 13), ("squeezenet_1_0_caffe", 15)]
)
def test_the_released_file_pads_conv10_and_the_table_does_not(variant, side):
    conv10 = on_meta(variant).get_submodule("classifier.conv10")
    assert conv10(torch.empty(1, 512, 13, 13, device="meta")).shape == (1, 1000, side, side)


def test_pools_round_up_at_side_224():
    sides = {name: side for name, side, _ in stage_rows(on_meta("squeezenet_1_0"), 224)}
    assert [sides[name] for name in ("stem", "pool1", "pool4", "pool8")] == [109, 54, 27, 13]


def test_table_1_widths_follow_from_the_metaparameters():
    #       s1x1 e1x1 e3x3
    rows = [(16, 64, 64), (32, 128, 128), (48, 192, 192), (64, 256, 256)]
    net = on_meta("squeezenet_1_0")
    for number in range(2, 10):
        fire = net.get_submodule(f"stages.fire{number}")
        widths = [m.out_channels for m in fire.modules() if isinstance(m, nn.Conv2d)]
        assert tuple(widths) == rows[(number - 2) // 2]


def test_fig_2_bypasses():
    """Identity around fire3, 5, 7, 9; the complex net has 1x1 convolutions around the others."""
    for kind, around_even in [("simple", None), ("complex", nn.Conv2d)]:
        stages = on_meta(f"squeezenet_1_0_{kind}_bypass").get_submodule("stages")
        found = {
            number: type(getattr(stages.get_submodule(f"fire{number}"), "shortcut", None))
            for number in range(2, 10)
        }
        for number, shortcut in found.items():
            expected = nn.Identity if number % 2 else (around_even or type(None))
            assert shortcut is expected


def test_a_bypass_adds_after_the_activation():
    stage = build("squeezenet_1_0_simple_bypass").get_submodule("stages.fire3")
    x = -torch.rand(1, 128, 5, 5)
    torch.testing.assert_close(stage(x.clone()) - stage.fire(x.clone()), x)
    assert stage(x.clone()).min() < 0


def test_version_1_1_pools_earlier():
    sides = {name: side for name, side, _ in stage_rows(on_meta("squeezenet_1_1"), 227)}
    assert list(sides) == [
        *("stem", "pool1", "fire2", "fire3", "pool3", "fire4", "fire5", "pool5"),
        *("fire6", "fire7", "fire8", "fire9"),
    ]
    assert [sides[name] for name in ("stem", "pool1", "pool3", "pool5")] == [113, 56, 28, 14]


def test_too_small_an_image_is_refused():
    with pytest.raises(UserError, match=r"input_side=31 .* squeezenet_small"):
        changed("squeezenet_1_0", input_side=31)


@pytest.mark.parametrize(
    ("side", "map_side"), [(8, 4), (16, 4), (28, 4), (32, 4), (48, 3), (64, 4)]
)
def test_small_net_always_averages_a_map_of_about_four(side, map_side):
    net = changed("squeezenet_small", input_side=side, in_channels=1, num_classes=3)
    assert stage_rows(net, side, channels=1)[-1][1] == map_side
    assert net(torch.empty(2, 1, side, side, device="meta")).shape == (2, 3)


def test_small_net_shrinks_with_its_width_and_has_signed_logits():
    counts = [params(changed("squeezenet_small", width_multiplier=w)) for w in (0.25, 0.5, 1.0)]
    assert 9 * counts[0] < 3 * counts[1] < counts[2]
    torch.manual_seed(0)
    logits = build("squeezenet_small", width_multiplier=0.25).eval()(torch.randn(4, 3, 32, 32))
    assert logits.min() < 0 < logits.max()
