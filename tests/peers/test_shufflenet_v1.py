"""ShuffleNet v1 with pytorchcv's, whose units of stride 2 join branch and pool the other way."""

import pytest
import torch
from torch import Tensor, nn

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


def pool_first(unit: nn.Module, inputs: tuple[Tensor], joined: Tensor) -> Tensor:
    return joined.roll(inputs[0].shape[1], dims=1)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_equal_outputs(groups: int):
    torch.manual_seed(0)
    ours = build(f"shufflenet_v1_g{groups}_x1_0").eval()
    theirs = peer("pytorchcv.model_provider").get_model(f"shufflenet_g{groups}_w1").eval()
    for unit in theirs.modules():
        if getattr(unit, "downsample", False):
            unit.register_forward_hook(pool_first)
    image = torch.randn(1, 3, 224, 224)
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image)) <= 1e-4


def test_without_shuffle_the_outputs_differ():
    """The comparison can fail."""
    torch.manual_seed(0)
    ours = build("shufflenet_v1_g3_x1_0").eval()
    other = build("shufflenet_v1_g3_x1_0_no_shuffle").eval()
    image = torch.randn(1, 3, 224, 224)
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) > 0.01
