"""EfficientNets against timm (both paddings), torchvision (symmetric) and pytorchcv (both)."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant

DEEP = [pytest.param(f"b{size}", marks=pytest.mark.slow) for size in range(1, 8)]
SIDES = {"b1": 72, "b2": 65, "b3": 76, "b4": 95, "b5": 57, "b6": 66, "b7": 75}


@pytest.mark.parametrize("side", [64, 50, 33])
def test_same_padding_follows_the_side(side):
    assert_same_logits("efficientnet_b0", "timm", side)


@pytest.mark.parametrize("size", DEEP)
def test_timm_with_same_padding(size):
    assert_same_logits(f"efficientnet_{size}", "timm", SIDES[size])


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_symmetric_padding(library):
    assert_same_logits("efficientnet_b0_symmetric", library, 64)


@pytest.mark.parametrize("size", DEEP)
def test_torchvision(size):
    """B5 to B7 have another epsilon than B0 to B4."""
    assert_same_logits(f"efficientnet_{size}_symmetric", "torchvision", SIDES[size])


@pytest.mark.slow
@pytest.mark.parametrize("size", ["b1", "b2", "b3", "b4"])
def test_timm_with_symmetric_padding(size):
    assert_same_logits(f"efficientnet_{size}_symmetric", "timm", SIDES[size])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "theirs"),
    [("efficientnet_b0", "efficientnet_b0b"), ("efficientnet_b0_symmetric", "efficientnet_b0")],
)
def test_pytorchcv(variant, theirs):
    """Its b nets pad for the side at hand, with the authors' epsilon."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    net = peer("pytorchcv.model_provider").get_model(theirs)
    ours = build(variant, input_side=64)
    transplant(ours, net, images)
    with torch.no_grad():
        assert relative_difference(ours.eval()(images), net.eval()(images)) <= 1e-4


def test_paddings_are_two_nets():
    """Equal weights, other logits where a side is even; the same where all sides are odd."""
    for side, equal in ((64, False), (33, True)):
        torch.manual_seed(0)
        same = build("efficientnet_b0", input_side=side).eval()
        torch.manual_seed(0)
        symmetric = build("efficientnet_b0_symmetric", input_side=side, eps=1e-3).eval()
        images = torch.randn(1, 3, side, side)
        with torch.no_grad():
            difference = relative_difference(same(images), symmetric(images))
        assert (difference <= 1e-4) == equal
