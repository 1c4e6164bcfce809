"""He et al. 2016, Sec. 4.2 and Table 6: residual and plain nets for CIFAR-10."""

import pytest
import torch

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.models.resnet_cifar import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers

# Sec. 4.2: n units per stage, 6n + 2 layers.
TABLE_6 = {
    20: (3, 269_722, 40.55e6, (14_016, 51_072, 203_520)),
    32: (5, 464_154, 68.86e6, (23_360, 88_192, 351_488)),
    44: (7, 658_586, 97.17e6, (32_704, 125_312, 499_456)),
    56: (9, 853_018, 125.49e6, (42_048, 162_432, 647_424)),
    110: (18, 1_727_962, 252.89e6, (84_096, 329_472, 1_313_280)),
}


@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize("layers", TABLE_6)
def test_table_6(layers: int, kind: str):
    n, total, operations, stage_params = TABLE_6[layers]
    name = f"{kind}{layers}_cifar"
    assert stage_rows(name) == [
        ("stage1", 32, 16, stage_params[0]),
        ("stage2", 16, 32, stage_params[1]),
        ("stage3", 8, 64, stage_params[2]),
    ]
    net = on_meta(name)
    assert params(net) == total
    assert weighted_layers(net) == layers == 6 * n + 2
    assert round(mult_adds(name) / 1e4) == round(operations / 1e4)


@pytest.mark.parametrize(
    "name", ["resnet1202_cifar", pytest.param("plain1202_cifar", marks=pytest.mark.slow)]
)
def test_1202_layers(name: str):
    net = on_meta(name)
    assert [params(stage) for stage in net.stages] == [934_400, 3_707_392, 14_778_368]
    assert params(net) == 19_421_274
    assert weighted_layers(net) == 1202


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.printed}")
def test_printed_figure(fact):
    count = {"params": params, "layers": weighted_layers}[fact.quantity]
    with without_weights():
        measured = count(models.build(fact.variant))
    assert (fact.verdict(measured) == "differs") == bool(fact.because)


def test_152_layers_for_svhn():
    """6 n + 2 = 152: the depth of Huang et al. is one that the rule gives."""
    net = on_meta("resnet152_cifar_constant_depth")
    assert [len(stage) for stage in net.stages] == [25, 25, 25]
    assert weighted_layers(net) == 152 == 6 * 25 + 2


def test_option_a_keeps_every_second_pixel_and_appends_zeros():
    net = models.build("resnet20_cifar").eval()
    x = torch.randn(2, 16, 7, 7)
    y = net.stages.stage2[0].shortcut(x)
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2])
    assert torch.equal(y[:, 16:], torch.zeros(2, 16, 4, 4))


@pytest.mark.parametrize("name", ["resnet8_small", "resnet14_small"])
def test_nets_for_small_images(name: str):
    assert models.spec_of(name).num_classes == 10
    before = 0
    for width in (0.25, 0.5, 1.0):
        net = models.build(name, width_multiplier=width, in_channels=1, num_classes=3).eval()
        assert params(net) > before
        before = params(net)
        for side in (8, 16, 28, 32, 48, 64):
            with torch.no_grad():
                assert net(torch.randn(2, 1, side, side)).shape == (2, 3)
