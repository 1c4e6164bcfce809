"""MobileNet v2 with torchvision's and timm's under the same weights."""

import pytest

from tests.peers.peer import assert_same_logits


@pytest.mark.parametrize(
    ("variant", "library"),
    [
        ("mobilenet_v2", "torchvision"),
        ("mobilenet_v2", "timm"),
        ("mobilenet_v2_w140", "timm"),
        ("mobilenet_v2_w075", "timm"),
        ("mobilenet_v2_w050", "timm"),
        ("mobilenet_v2_w035", "timm"),
    ],
)
def test_their_weights_by_name(variant, library):
    assert_same_logits(variant, library, side=64)
