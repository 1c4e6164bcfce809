"""AlexNet against NIPS 2012, Fig. 2 and Sections 3.3 to 3.5, and the grouped BVLC layout."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models import build
from tests.papers.changed import changed, verdict
from tests.papers.running_sums import fact_id, facts_of, mult_adds, on_meta, params, stage_rows
from tests.papers.stage_table import weighted_layers


@pytest.mark.parametrize("fact", facts_of("alexnet"), ids=fact_id)
def test_printed_figure(fact):
    if fact.quantity == "layers":
        assert compare(fact.printed, weighted_layers(on_meta(fact.variant))) == "exact"
    else:
        assert (verdict(fact) == "differs") == bool(fact.because)


@pytest.mark.parametrize(
    ("variant", "side", "total_params", "total_mult_adds"),
    [
        ("alexnet", 227, 60_965_224, 724_406_816),
        ("alexnet_ungrouped", 227, 62_378_344, 1_135_256_096),
        ("alexnet_owt", 224, 61_100_840, 714_188_480),
    ],
)
def test_totals(variant, side, total_params, total_mult_adds):
    net = on_meta(variant)
    assert params(net) == total_params
    assert sum(mult_adds(net, side).values()) == total_mult_adds


def test_layers():
    net = on_meta("alexnet")
    assert stage_rows(net, 227) == [
        # layer  side  params
        ("stem", 27, 34_944),
        ("conv2", 13, 307_456),
        ("conv3", 13, 885_120),
        ("conv4", 13, 663_936),
        ("conv5", 6, 442_624),
    ]
    rows = [("fc6", 37_752_832), ("fc7", 16_781_312), ("fc8", 4_097_000)]
    assert [(name, params(net, f"classifier.{name}")) for name, _ in rows] == rows


def test_ungrouped_layers():
    """Without the groups, conv2, conv4 and conv5 have twice the weights; the maps are the same."""
    net = on_meta("alexnet_ungrouped")
    assert stage_rows(net, 227) == [
        # layer  side  params
        ("stem", 27, 34_944),
        ("conv2", 13, 614_656),
        ("conv3", 13, 885_120),
        ("conv4", 13, 1_327_488),
        ("conv5", 6, 884_992),
    ]
    first_map = net.get_submodule("stem.conv")(torch.empty(1, 3, 227, 227, device="meta"))
    assert first_map.shape == (1, 96, 55, 55)


def test_pooling_without_overlap_gives_the_same_maps():
    """Section 3.4 compares windows of z = 2 with z = 3, both at a stride of s = 2."""
    net = changed("alexnet", pool_size=2)
    pools = [m for m in net.modules() if isinstance(m, nn.MaxPool2d)]
    assert [(p.kernel_size, p.stride) for p in pools] == [(2, 2)] * 3
    assert stage_rows(net, 227) == stage_rows(on_meta("alexnet"), 227)
    assert params(net) == 60_965_224
    other = changed("alexnet", pool_size=2, input_side=231)  # here the maps differ: 28, 14, 7
    assert other(torch.empty(1, 3, 231, 231, device="meta")).shape == (1, 1000)


def test_neurons_of_fig_2():
    """Fig. 2 prints the units of conv2 to conv5 (its first figure, of conv1, is no 96x55x55)."""
    net = changed("alexnet")
    neurons = []
    for number in (2, 3, 4, 5):
        conv = net.get_submodule(f"stages.conv{number}.conv")
        conv.register_forward_hook(lambda _, __, maps: neurons.append(maps.numel()))
    net(torch.empty(1, 3, 227, 227, device="meta"))
    assert neurons == [186_624, 64_896, 64_896, 43_264]


@pytest.mark.parametrize(("number", "crosses"), [(2, False), (3, True), (4, False), (5, False)])
def test_towers_meet_only_in_conv3(number, crosses):
    conv = build("alexnet", hidden=8, num_classes=2).get_submodule(f"stages.conv{number}.conv")
    maps = torch.zeros(1, conv.in_channels, 13, 13)
    before = conv(maps)
    maps[:, conv.in_channels // 2 :] = 1  # what the second tower holds
    first_tower = slice(0, conv.out_channels // 2)
    assert bool((conv(maps) != before)[:, first_tower].any()) == crosses


def test_normalisation_comes_before_the_overlapping_pool():
    net = on_meta("alexnet")
    for layer in ("stem", "stages.conv2"):
        names = [name for name, _ in net.get_submodule(layer).named_children()]
        assert names == ["conv", "relu", "norm", "pool"]
        pool = net.get_submodule(f"{layer}.pool")
        assert (pool.kernel_size, pool.stride, pool.padding) == (3, 2, 0)
    assert sum(isinstance(m, nn.LocalResponseNorm) for m in net.modules()) == 2


def test_normalisation_is_the_formula_of_section_3_3():
    """b_i = a_i / (2 + 1e-4 * sum of five neighbours' squares) ** 0.75; the sum is no mean."""
    a = 40 * torch.rand(1, 96, 3, 3, generator=torch.Generator().manual_seed(0))
    b = build("alexnet", hidden=8, num_classes=2).get_submodule("stem.norm")(a)
    for i in range(96):
        neighbours = a[:, max(0, i - 2) : min(95, i + 2) + 1]
        expected = a[:, i] / (2 + 1e-4 * neighbours.square().sum(dim=1)) ** 0.75
        torch.testing.assert_close(b[:, i], expected)


def test_section_5_initialisation():
    net = build("alexnet", input_side=67)
    ones = {name for name, p in net.named_parameters() if "bias" in name and bool((p == 1).all())}
    zeros = {name for name, p in net.named_parameters() if "bias" in name and bool((p == 0).all())}
    assert ones == {
        *(f"stages.conv{i}.conv.bias" for i in (2, 4, 5)),
        *(f"classifier.fc{i}.bias" for i in (6, 7)),
    }
    assert zeros == {"stem.conv.bias", "stages.conv3.conv.bias", "classifier.fc8.bias"}
    for name in ("stages.conv3.conv.weight", "classifier.fc7.weight"):
        assert net.get_parameter(name).std().item() == pytest.approx(0.01, rel=0.01)


def test_dropout_follows_the_hidden_layers_here_and_precedes_them_in_owt():
    names = {
        variant: [name for name, _ in on_meta(variant).get_submodule("classifier").named_children()]
        for variant in ("alexnet", "alexnet_owt")
    }
    assert names["alexnet"][:3] == ["fc6", "relu6", "dropout6"]
    assert names["alexnet_owt"][:3] == ["dropout6", "fc6", "relu6"]


def test_too_small_an_image_is_refused():
    assert params(changed("alexnet", input_side=67), "classifier.fc6") == 257 * 4096
    with pytest.raises(UserError, match="input_side=66 leaves no map to classify"):
        changed("alexnet", input_side=66)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pool_size": 4}, "pool_size=4 is unknown. Use 2 or 3."),
        ({"normalisation": "layer"}, "normalisation='layer' is unknown. Use 'local_response', "),
        ({"dropout": "both"}, "dropout='both' is unknown. Use 'outputs' or 'inputs'."),
        ({"downsampling": "none"}, "downsampling='none' is unknown. Use 'fixed' or 'by_side'."),
        ({"groups": (1, 5, 1, 2, 2)}, "groups of conv2=5 does not divide 96 channels."),
    ],
)
def test_what_cannot_be_built(change, message):
    with pytest.raises(UserError, match=f"^{message}"):
        changed("alexnet", **change)


@pytest.mark.parametrize(
    ("side", "map_side"), [(8, 4), (16, 4), (28, 4), (32, 4), (48, 3), (64, 4)]
)
def test_small_net_always_classifies_a_map_of_about_four(side, map_side):
    net = changed("alexnet_small", input_side=side, in_channels=1, num_classes=3)
    assert net.get_submodule("classifier.fc6").in_features == 128 * map_side**2
    assert net(torch.empty(2, 1, side, side, device="meta")).shape == (2, 3)


def test_small_net_shrinks_with_its_width():
    counts = [params(changed("alexnet_small", width_multiplier=w)) for w in (0.25, 0.5, 1.0)]
    assert 9 * counts[0] < 3 * counts[1] < counts[2]
    small = changed("alexnet_small", width_multiplier=0.25)
    assert small.get_submodule("stages.conv2.conv").groups == 2
