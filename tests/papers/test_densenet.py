"""Huang et al. 2017: Table 1 (ImageNet), Sec. 3 and Table 2 (CIFAR)."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models.densenet import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows

# Table 1: blocks, transitions between them, and the sides after each.
STAGES = ["block1", "transition1", "block2", "transition2", "block3", "transition3", "block4"]
SIDES = [56, 28, 28, 14, 14, 7, 7]
TABLE_1 = {
    # The blocks printed for 264 give one layer more than its name.
    #          L, dense layers per block, params, mult-adds, last channels
    "densenet121": (121, (6, 12, 24, 16), 7_978_856, 2.834e9, 1024),
    "densenet169": (169, (6, 12, 32, 32), 14_149_480, 3.360e9, 1664),
    "densenet201": (201, (6, 12, 48, 32), 20_013_928, 4.291e9, 1920),
    "densenet264": (265, (6, 12, 64, 48), 33_337_704, 5.752e9, 2688),
    "densenet161_k48": (161, (6, 12, 36, 24), 28_681_000, 7.728e9, 2208),
}
STAGE_PARAMS = {
    "densenet121": [335_040, 33_280, 919_680, 132_096, 2_837_760, 526_336, 2_158_080],
    "densenet169": [335_040, 33_280, 919_680, 132_096, 4_316_160, 821_760, 5_913_600],
    "densenet201": [335_040, 33_280, 919_680, 132_096, 8_071_680, 1_609_216, 6_978_560],
    "densenet264": [335_040, 33_280, 919_680, 132_096, 12_892_160, 2_658_816, 13_662_720],
    "densenet161_k48": [751_392, 74_496, 2_061_504, 296_448, 11_548_224, 2_234_496, 9_486_720],
}


@pytest.mark.parametrize("name", TABLE_1)
def test_table_1(name: str):
    depth, blocks, total, operations, channels = TABLE_1[name]
    net, rows = on_meta(name), stage_rows(name)
    assert [row[:2] for row in rows] == list(zip(STAGES, SIDES, strict=True))
    assert [row[3] for row in rows] == STAGE_PARAMS[name]
    assert tuple(len(net.stages.get_submodule(f"block{i}")) for i in (1, 2, 3, 4)) == blocks
    assert rows[-1][2] == net.classifier.in_features == channels
    assert params(net) == total
    assert round(mult_adds(name) / 1e6) == round(operations / 1e6)
    assert weighted_layers(net) == depth


def test_table_1_channels_of_121():
    """64 + 6 x 32 = 256, halved; 128 + 12 x 32 = 512, halved; 256 + 24 x 32 = 1024, halved."""
    assert [row[2] for row in stage_rows("densenet121")] == [256, 128, 512, 256, 1024, 512, 1024]


# Sec. 3: three blocks at sides 32, 16, 8; params of block, transition, block, transition, block.
CIFAR = {
    "densenet_40_k12": (40, 1_019_722, [108_240, 25_920, 298_320, 93_024, 488_400]),
    "densenet_100_k12": (100, 6_979_642, [711_040, 160_800, 2_062_720, 616_224, 3_414_400]),
    "densenet_100_k24": (100, 27_249_082, [2_706_688, 616_224, 8_064_256, 2_411_808, 13_421_824]),
    "densenet_bc_100_k12": (100, 769_162, [175_680, 23_760, 242_880, 45_600, 276_480]),
    "densenet_bc_250_k24": (
        250,
        15_324_406,
        [2_979_552, 534_576, 4_859_976, 1_128_000, 5_800_188],
    ),
    "densenet_bc_190_k40": (
        190,
        25_624_430,
        [5_210_480, 873_840, 8_123_240, 1_808_800, 9_579_620],
    ),
}


@pytest.mark.parametrize("name", CIFAR)
def test_cifar_configurations(name: str):
    depth, total, stage_params = CIFAR[name]
    net, rows = on_meta(name), stage_rows(name)
    assert [row[:2] for row in rows] == list(zip(STAGES[:5], (32, 16, 16, 8, 8), strict=True))
    assert [row[3] for row in rows] == stage_params
    assert params(net) == total
    assert weighted_layers(net) == depth


@pytest.mark.parametrize(
    ("name", "operations"),
    [("densenet_40_k12", 264.81e6), ("densenet_bc_100_k12", 287.93e6)],
)
def test_cifar_mult_adds(name: str, operations: float):
    assert round(mult_adds(name) / 1e4) == round(operations / 1e4)


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    assert fact.quantity == "params"
    assert compare(fact.printed, params(on_meta(fact.variant))) != "differs"


def test_a_plain_net_does_not_compress():
    """The classic mistake: halving transitions would leave 599,050 parameters at most."""
    net = on_meta("densenet_40_k12")
    assert net.stem.out_channels == 16
    for transition, channels in (("transition1", 16 + 144), ("transition2", 16 + 288)):
        conv = net.stages.get_submodule(transition).compress.conv
        assert (conv.in_channels, conv.out_channels) == (channels, channels)
    assert params(on_meta("densenet_40_k12", compression=0.5, stem_channels=24)) == 599_050


def test_a_dense_layer_passes_on_what_it_received():
    layer = models.build("densenet_bc_22_small").eval().stages.block1[1]
    x = torch.randn(2, 36, 8, 8)
    y = layer(x.clone())
    assert y.shape == (2, 48, 8, 8)
    assert torch.equal(y[:, :36], x)
    kinds = [type(m) for m in layer.modules() if not list(m.children())]
    assert kinds == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d] * 2
    assert [m.out_channels for m in layer.modules() if isinstance(m, nn.Conv2d)] == [4 * 12, 12]


@pytest.mark.parametrize("name", ["densenet_bc_22_small", "densenet_bc_40_small"])
def test_nets_for_small_images(name: str):
    assert models.spec_of(name).num_classes == 10
    for width, growth_rate in ((0.25, 4), (0.5, 8), (1.0, 12)):
        net = models.build(name, width_multiplier=width, in_channels=1, num_classes=3).eval()
        assert net.stem.out_channels == 2 * growth_rate
        assert {layer.layers.grow.conv.out_channels for layer in net.stages.block1} == {growth_rate}
        for side in (8, 16, 28, 32, 48, 64):
            with torch.no_grad():
                assert net(torch.randn(2, 1, side, side)).shape == (2, 3)


def test_a_plain_stem_scales_with_the_width():
    assert on_meta("densenet_40_k12", width_multiplier=0.5).stem.out_channels == 8


@pytest.mark.parametrize(("name", "least"), [("densenet121", 29), ("densenet_bc_22_small", 4)])
def test_sides_too_small_for_the_transitions(name: str, least: int):
    net = models.build(name, input_side=least).eval()
    with torch.no_grad():
        net(torch.randn(1, 3, least, least))
    with pytest.raises(UserError, match=f"input_side={least - 1} is too small.*Use {least} or"):
        models.build(name, input_side=least - 1)


def test_what_cannot_be_built():
    with pytest.raises(UserError, match="stem='5x5' is unknown"):
        models.build("densenet121", stem="5x5")
    with pytest.raises(UserError, match="compression=0 is not a share"):
        models.build("densenet121", compression=0)


def weighted_layers(net: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d | nn.Linear) for module in net.modules())


def test_b_alone_and_c_alone():
    """L = 100: B halves the layers of a block, C the channels behind it."""
    for name, depths, channels in [
        ("densenet_b_100_k12", (16,) * 3, [216, 216, 408, 408, 600]),
        ("densenet_c_100_k12", (32,) * 3, [400, 200, 584, 292, 676]),
        ("densenet_bc_100_k12", (16,) * 3, [216, 108, 300, 150, 342]),
    ]:
        net = on_meta(name)
        assert tuple(len(net.stages.get_submodule(f"block{i}")) for i in (1, 2, 3)) == depths
        assert [row[2] for row in stage_rows(name)] == channels
    # pytorchcv's densenet100_k12 is C with 2k channels to start from.
    assert params(on_meta("densenet_c_100_k12", stem_channels=24)) == 4_068_490


def test_wider_nets_of_the_later_tables():
    """The notes print 55 M and 73 M; the sums by hand from 6k(4k)-layers are exact."""
    for name, depths in (
        ("densenet232_k48", (6, 12, 48, 48)),
        ("densenet264_k48", (6, 12, 64, 48)),
    ):
        channels, total, k = 96, 3 * 96 * 49 + 2 * 96, 48
        for block, depth in enumerate(depths):
            for _ in range(depth):
                total += 2 * channels + channels * 4 * k + 2 * 4 * k + 9 * 4 * k * k
                channels += k
            if block < 3:
                total += 2 * channels + channels * (channels // 2)
                channels //= 2
        assert params(on_meta(name)) == total + 2 * channels + 1000 * channels + 1000


CHEAP = {"depths": (3, 2), "growth_rate": 4, "input_side": 8}


@pytest.mark.parametrize("name", ["densenet_40_k12", "densenet_bc_40_small"])
def test_memory_efficient_training_has_the_same_gradients(name: str):
    torch.manual_seed(0)
    plain = models.build(name, **CHEAP)
    other = models.build(name, **CHEAP, memory_efficient=True)
    other.load_state_dict(plain.state_dict())
    x = torch.randn(4, 3, 8, 8)
    for net in (plain, other):
        net.train()(x).square().sum().backward()
    for a, b in zip(plain.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-5 * float(a.grad.abs().max()))
    for a, b in zip(plain.buffers(), other.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    assert torch.allclose(plain.eval()(x), other.eval()(x))


def test_memory_efficient_training_keeps_maps_that_grow_with_the_depth():
    """Second differences over the depth: 0 when linear, k maps per layer joined when not."""
    saved = {
        efficient: [_saved_bytes(depth, efficient=efficient) for depth in (4, 8, 12)]
        for efficient in (False, True)
    }
    bends = {e: a - 2 * b + c for e, (a, b, c) in saved.items()}
    assert bends[True] == 0
    assert bends[False] > 0
    assert saved[True][2] < 0.4 * saved[False][2]


def _saved_bytes(depth: int, *, efficient: bool) -> int:
    """What autograd keeps of activations, every storage once."""
    net = models.build(
        "densenet_bc_40_small", depths=(depth,), input_side=8, memory_efficient=efficient
    ).train()
    weights = {p.data_ptr() for p in net.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights and tensor.dim() == 4:
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = net(torch.randn(2, 3, 8, 8))
    assert logits.requires_grad
    return sum(found.values())
