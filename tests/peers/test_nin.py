"""Network in Network with pytorchcv's layers, and the ImageNet net by its file's equations."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


@pytest.mark.parametrize(
    ("variant", "second_pool"),
    [("nin_cifar10", nn.MaxPool2d), ("nin_cifar10_caffe", nn.AvgPool2d)],
)
def test_equal_outputs_once_pools_round_up(variant, second_pool):
    ours = build(variant).eval()
    theirs = peer("pytorchcv.model_provider").get_model("nin_cifar10").eval()
    theirs.features.stage2.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
    theirs.features.stage3.pool3 = second_pool(3, 2, ceil_mode=True)
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image).flatten(1)) <= 1e-4


def test_imagenet_net_equals_its_file_written_out():
    torch.manual_seed(0)
    ours = build("nin_imagenet", input_side=96, num_classes=20, width_multiplier=0.25).eval()
    image = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        assert relative_difference(ours(image), written_out(ours, image)) <= 1e-4


def written_out(net: nn.Module, x: Tensor) -> Tensor:
    """conv1, cccp1, cccp2, pool, conv2 (pad 2), ..., conv4, cccp7, cccp8, average."""
    convolutions = iter([m for m in net.modules() if isinstance(m, nn.Conv2d)])

    def layer(x: Tensor, **how: int) -> Tensor:
        conv = next(convolutions)
        return F.conv2d(x, conv.weight, conv.bias, **how).relu()

    for how in ({"stride": 4}, {"padding": 2}, {"padding": 1}):
        x = layer(layer(layer(x, **how)))
        x = (
            F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)
            if x.shape[-1] % 2 == 0
            else (F.max_pool2d(x, 3, 2))
        )  # rounding up is padding behind; rectified values lose nothing to zeros
    return layer(layer(layer(x, padding=1))).mean((2, 3))
