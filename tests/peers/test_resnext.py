"""ResNeXt against torchvision, timm and pytorchcv."""

import pytest
import torch

from convatlas import models
from convatlas.foreign import convert, sources_of
from tests.peers.peer import (
    assert_same_logits,
    build_theirs,
    fill_pytorchcv,
    peer,
    randomise,
    relative_difference,
)


@pytest.mark.parametrize(
    ("variant", "library"),
    [
        ("resnext50_32x4d", "torchvision"),
        *(
            pytest.param(variant, library, marks=pytest.mark.slow)
            for variant, library in (
                ("resnext50_32x4d", "timm"),
                ("resnext101_32x4d", "timm"),
                ("resnext101_64x4d", "timm"),
                ("resnext101_64x4d", "torchvision"),
            )
        ),
    ],
)
def test_named_nets(variant: str, library):
    assert_same_logits(variant, library, side=64)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "cardinality", "width"),
    [
        ("resnext50_8x14d", 8, 14),
        ("resnext50_2x40d", 2, 40),
        ("resnext50_4x24d", 4, 24),
        ("resnext101_1x100d", 1, 100),
        ("resnext101_2x64d", 2, 64),
    ],
)
def test_templates_without_a_name_elsewhere(variant: str, cardinality: int, width: int):
    torch.manual_seed(0)
    named = "resnext101_32x4d" if "101" in variant else "resnext50_32x4d"
    theirs = build_theirs("timm", named, cardinality=cardinality, base_width=width).eval()
    randomise(theirs)
    net = models.build(variant).eval()
    net.load_state_dict(convert(theirs.state_dict(), net, sources_of(named)[-1]), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert relative_difference(theirs(images), net(images)) <= 1e-4


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("resnext20_16x4d_cifar10", {"depths": (2, 2, 2), "cardinality": 16, "width": 4}),
        pytest.param("resnext29_16x64d_cifar10", {}, marks=pytest.mark.slow),
    ],
)
def test_pytorchcv_for_cifar(name: str, changes):
    torch.manual_seed(0)
    net = models.build("resnext29_16x64d_cifar", **changes).eval()
    randomise(net)
    theirs = peer("pytorchcv.model_provider").get_model(name).eval()
    fill_pytorchcv(theirs, net, net.stem, theirs.features.init_block)
    assert sum(p.numel() for p in theirs.parameters()) == sum(p.numel() for p in net.parameters())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert relative_difference(net(images), theirs(images)) <= 1e-4


def test_another_template_would_show():
    """The comparison can fail: 32x4d and 16x8d have the same shapes but for the 3x3."""
    with pytest.raises(Exception, match="tensors do not agree"):
        assert_same_logits("resnext50_32x4d", "torchvision", side=64, cardinality=16, width=8)
