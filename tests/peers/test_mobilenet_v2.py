"""MobileNet v2 with torchvision's."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


@pytest.mark.parametrize(
    ("variant", "width"),
    [("mobilenet_v2", 1.0), ("mobilenet_v2_w140", 1.4), ("mobilenet_v2_w035", 0.35)],
)
def test_equal_outputs(variant, width):
    ours = build(variant).eval()
    theirs = peer("torchvision.models").mobilenet_v2(weights=None, width_mult=width).eval()
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image)) <= 1e-4
