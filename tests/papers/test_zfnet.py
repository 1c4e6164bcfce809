"""ZFNet against arXiv:1311.2901, Fig. 3 and Table 3."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.models import build
from convatlas.models.zfnet import FAMILY
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows, weighted_layers


@pytest.mark.parametrize("fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}")
def test_printed_figure(fact):
    assert compare(fact.printed, weighted_layers(on_meta(fact.variant))) == "exact"


def test_fig_3_maps():
    """Inside the layers the sides are 110 and 26 before the pools."""
    net = on_meta("zfnet")
    image = torch.empty(1, 3, 224, 224, device="meta")
    assert net.stem.conv(image).shape[1:] == (96, 110, 110)
    assert net.stem(image).shape[1:] == (96, 55, 55)
    assert net.stages.conv2.conv(net.stem(image)).shape[1:] == (256, 26, 26)
    assert stage_rows("zfnet") == [
        # layer  side channels params
        ("conv2", 13, 256, 614_656),
        ("conv3", 13, 384, 885_120),
        ("conv4", 13, 384, 1_327_488),
        ("conv5", 13, 256, 884_992),
        ("pool", 6, 256, 0),
    ]
    assert net.classifier.fc6.in_features == 6 * 6 * 256  # the caption's 9216


def test_model_b_has_wider_layers_3_to_5():
    assert [row[2:] for row in stage_rows("zfnet_b")] == [
        (256, 614_656),
        (512, 1_180_160),
        (1024, 4_719_616),
        (512, 4_719_104),
        (512, 0),
    ]


@pytest.mark.parametrize(
    ("variant", "total_params", "total_mult_adds"),
    [("zfnet", 62_357_608, 1_168_032_896), ("zfnet_b", 107_627_624, 2_476_704_896)],
)
def test_totals(variant, total_params, total_mult_adds):
    assert params(on_meta(variant)) == total_params
    assert mult_adds(variant) == total_mult_adds


@pytest.mark.parametrize(
    ("changes", "layers", "features"),
    [
        ({"hidden": ()}, 6, 9216),
        ({"hidden": (4096,)}, 7, 9216),
        ({"hidden": (8192, 8192)}, 8, 9216),
        ({"channels": (96, 256, 256)}, 6, 9216),
        ({"channels": (96, 256, 256), "hidden": ()}, 4, 9216),
    ],
)
def test_table_3_ablations(changes, layers, features):
    net = on_meta("zfnet", **changes)
    assert weighted_layers(net) == layers
    assert net.classifier.fc6.in_features == features
    assert net(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)


def test_contrast_is_normalised_after_the_pool():
    """AlexNet normalises before; here Fig. 3 does it last, and only in the first two layers."""
    net = on_meta("zfnet")
    for layer in (net.stem, net.stages.conv2):
        assert [name for name, _ in layer.named_children()] == ["conv", "relu", "pool", "norm"]
    assert sum(isinstance(m, nn.LocalResponseNorm) for m in net.modules()) == 2
    assert not [m for m in on_meta("zfnet", normalisation="none").modules() if "Norm" in str(m)]
    assert not [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.groups != 1]


@pytest.mark.parametrize(("width", "std"), [(1.0, 0.01), (0.25, 0.02)])
def test_initial_weights(width, std):
    """A quarter of the inputs at twice the deviation: a unit's sum keeps its scale."""
    torch.manual_seed(0)
    net = build("zfnet", width_multiplier=width, input_side=64, hidden=(64,))
    for layer in ("stages.conv3.conv", "classifier.fc6"):
        assert net.get_parameter(f"{layer}.weight").std().item() == pytest.approx(std, rel=0.02)
        assert not net.get_parameter(f"{layer}.bias").any()


def test_too_small_an_image_is_refused():
    assert on_meta("zfnet", input_side=47).classifier.fc6.in_features == 256
    with pytest.raises(UserError, match="input_side=46 leaves no map to classify: use 47 or more"):
        on_meta("zfnet", input_side=46)


def test_what_cannot_be_built():
    with pytest.raises(UserError, match=r"channels=\(96, 256\) has too few layers: use 3 or more"):
        on_meta("zfnet", channels=(96, 256))
    with pytest.raises(UserError, match="normalisation='batch' is unknown"):
        on_meta("zfnet", normalisation="batch")
