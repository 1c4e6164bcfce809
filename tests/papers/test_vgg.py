"""VGG against arXiv:1409.1556, Tables 1 and 2."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.models import build
from convatlas.models.vgg import graft
from tests.papers.changed import changed, verdict
from tests.papers.running_sums import fact_id, facts_of, mult_adds, on_meta, params


@pytest.mark.parametrize("fact", facts_of("vgg_a"), ids=fact_id)
def test_printed_figure(fact):
    assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("variant", "weight_layers", "total_params", "total_mult_adds"),
    [
        ("vgg_a", 11, 132_863_336, 7_609_090_048),
        ("vgg_a_lrn", 11, 132_863_336, 7_609_090_048),
        ("vgg_b", 13, 133_047_848, 11_308_466_176),
        ("vgg_c", 16, 133_638_952, 11_770_888_192),
        ("vgg_d", 16, 138_357_544, 15_470_264_320),
        ("vgg_e", 19, 143_667_240, 19_632_062_464),
        ("vgg_a_bn", 11, 132_868_840, 7_609_090_048),
        ("vgg_b_bn", 13, 133_053_736, 11_308_466_176),
        ("vgg_d_bn", 16, 138_365_992, 15_470_264_320),
        ("vgg_e_bn", 19, 143_678_248, 19_632_062_464),
    ],
)
def test_totals(variant, weight_layers, total_params, total_mult_adds):
    net = on_meta(variant)
    found = mult_adds(net, 224)
    assert len(found) == weight_layers
    assert params(net) == total_params
    assert sum(found.values()) == total_mult_adds


#           conv1   conv2    conv3      conv4      conv5
STAGES = {
    "vgg_a": (1_792, 73_856, 885_248, 3_539_968, 4_719_616),
    "vgg_b": (38_720, 221_440, 885_248, 3_539_968, 4_719_616),
    "vgg_c": (38_720, 221_440, 951_040, 3_802_624, 4_982_272),
    "vgg_d": (38_720, 221_440, 1_475_328, 5_899_776, 7_079_424),
    "vgg_e": (38_720, 221_440, 2_065_408, 8_259_584, 9_439_232),
}


@pytest.mark.parametrize("variant", STAGES)
def test_table_1_stages(variant):
    net = on_meta(variant)
    x = torch.empty(1, 3, 224, 224, device="meta")
    rows = []
    for stage in net.get_submodule("stages").children():
        x = stage(x)
        rows.append((x.shape[1], x.shape[2], params(stage)))
    sides, channels = (112, 56, 28, 14, 7), (64, 128, 256, 512, 512)
    assert rows == list(zip(channels, sides, STAGES[variant], strict=True))
    fully_connected = [("fc6", 102_764_544), ("fc7", 16_781_312), ("fc8", 4_097_000)]
    for name, count in fully_connected:
        assert params(net, f"classifier.{name}") == count


def kernels(variant: str) -> list[list[int]]:
    return [
        [m.kernel_size[0] for m in stage if isinstance(m, nn.Conv2d)]
        for stage in on_meta(variant).get_submodule("stages").children()
    ]


def test_c_ends_its_last_stages_in_1x1_where_d_has_3x3():
    assert kernels("vgg_c") == [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]
    assert kernels("vgg_d") == [[3, 3], [3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]


def test_only_a_lrn_normalises_and_only_after_its_first_convolution():
    first = on_meta("vgg_a_lrn").get_submodule("stages.conv1")
    assert [name for name, _ in first.named_children()] == ["conv1", "relu1", "norm", "pool"]
    counts = {
        variant: sum(isinstance(m, nn.LocalResponseNorm) for m in on_meta(variant).modules())
        for variant in ("vgg_a", "vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d", "vgg_e")
    }
    assert counts == {v: int(v == "vgg_a_lrn") for v in counts}


def test_batch_norm_follows_every_convolution_which_keeps_its_bias():
    for stage in on_meta("vgg_d_bn").get_submodule("stages").children():
        names = [name.rstrip("123") for name, _ in stage.named_children()]
        assert names == ["conv", "norm", "relu"] * (len(names) // 3) + ["pool"]
    convolutions = [m for m in on_meta("vgg_d_bn").modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 13
    assert all(m.bias is not None for m in convolutions)


FIRST_FOUR_OF_A = {f"stages.conv{at}" for at in ("1.conv1", "2.conv1", "3.conv1", "3.conv2")}
LINEAR = {f"classifier.fc{number}" for number in (6, 7, 8)}


@pytest.mark.parametrize(
    ("deep", "untouched"), [("vgg_b", 6), ("vgg_c", 9), ("vgg_d", 9), ("vgg_e", 12)]
)
def test_section_3_1_grafting(deep, untouched):
    """D starts with four convolutions and three linear layers of A; nine stay as drawn."""
    a, net = thin("vgg_a", seed=1), thin(deep, seed=2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    rest = graft(a, net)
    assert len(rest) == untouched
    assert not (FIRST_FOUR_OF_A | LINEAR) & set(rest)
    for layer in FIRST_FOUR_OF_A | LINEAR:
        for tensor in ("weight", "bias"):
            grafted = net.get_parameter(f"{layer}.{tensor}")
            assert torch.equal(grafted, a.get_parameter(f"{layer}.{tensor}"))
            assert tensor == "bias" or not torch.equal(grafted, before[f"{layer}.{tensor}"])
    for layer in rest:
        for name, value in net.get_submodule(layer).state_dict().items():
            assert torch.equal(value, before[f"{layer}.{name}"])


def test_grafting_takes_the_batch_norms_along():
    a, net = thin("vgg_a_bn", seed=1), thin("vgg_d_bn", seed=2)
    nn.init.constant_(a.get_parameter("stages.conv3.norm2.weight"), 3.0)
    rest = graft(a, net)
    assert net.get_parameter("stages.conv3.norm2.weight").unique().tolist() == [3.0]
    assert "stages.conv3.norm3" in rest
    assert "stages.conv3.norm2" not in rest


@pytest.mark.parametrize(
    ("shallow", "deep", "changes", "layer"),
    [
        ("vgg_d", "vgg_a", {}, "stages.conv1.conv2"),
        ("vgg_a", "vgg_d", {"num_classes": 4}, "classifier.fc8"),
        ("vgg_a", "vgg_d", {"in_channels": 1}, "stages.conv1.conv1"),
        ("vgg_a", "vgg_d", {"width_multiplier": 0.25}, "stages.conv1.conv1"),
        ("vgg_a_bn", "vgg_d", {}, "stages.conv1.norm1"),
        ("vgg_a", "vgg_a_small", {"channels": (64, 128, 256, 512, 512)}, "stages.conv1.conv1"),
    ],
)
def test_what_cannot_be_grafted(shallow, deep, changes, layer):
    first, second = thin(shallow, seed=1), thin(deep, seed=2, **changes)
    before = {name: value.clone() for name, value in second.state_dict().items()}
    with pytest.raises(UserError, match=f"The deeper net has no '{layer}' with "):
        graft(first, second)
    assert all(torch.equal(value, before[name]) for name, value in second.state_dict().items())


def thin(variant: str, seed: int, **changes: object) -> nn.Module:
    torch.manual_seed(seed)
    small = {"input_side": 32, "num_classes": 3, "width_multiplier": 1 / 8}
    return build(variant, **{**small, **changes})


def test_too_small_an_image_is_refused():
    with pytest.raises(UserError, match=r"input_side=31 .* vgg_a_small"):
        changed("vgg_a", input_side=31)
    with pytest.raises(UserError, match="input_side=7 is too small"):
        changed("vgg_a_small", input_side=7)


@pytest.mark.parametrize(
    ("side", "map_side"), [(8, 4), (16, 4), (28, 3), (32, 4), (48, 3), (64, 4)]
)
def test_small_net_always_averages_a_map_of_about_four(side, map_side):
    net = changed("vgg_a_small", input_side=side, in_channels=1, num_classes=3)
    images = torch.empty(2, 1, side, side, device="meta")
    assert net.get_submodule("stages")(images).shape == (2, 256, map_side, map_side)
    assert net(images).shape == (2, 3)


def test_small_net_shrinks_with_its_width():
    counts = [params(changed("vgg_a_small", width_multiplier=w)) for w in (0.25, 0.5, 1.0)]
    assert 9 * counts[0] < 3 * counts[1] < counts[2]
