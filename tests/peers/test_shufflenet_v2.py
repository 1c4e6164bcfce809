"""ShuffleNet v2 with torchvision's under the same weights."""

import pytest

from tests.peers.peer import assert_same_logits


@pytest.mark.parametrize("size", ["x0_5", "x1_0", "x1_5", "x2_0"])
def test_their_weights_by_name(size):
    assert_same_logits(f"shufflenet_v2_{size}", "torchvision", side=64)
