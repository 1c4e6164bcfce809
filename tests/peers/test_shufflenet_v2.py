"""ShuffleNet v2 with torchvision's."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


@pytest.mark.parametrize("size", ["x0_5", "x1_0", "x1_5", "x2_0"])
def test_equal_outputs(size):
    ours = build(f"shufflenet_v2_{size}").eval()
    theirs = getattr(peer("torchvision.models"), f"shufflenet_v2_{size}")(weights=None).eval()
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image)) <= 1e-4
