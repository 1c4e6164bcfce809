"""ResNets against torchvision, pytorchcv, and a functional ResNet-20 written from the paper."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas import models
from tests.peers.peer import (
    assert_same_logits,
    fill_pytorchcv,
    peer,
    relative_difference,
    transplant,
)


@pytest.mark.parametrize(
    ("variant", "library"),
    [
        *((variant, "torchvision") for variant in ("resnet18", "resnet34", "resnet50_v15")),
        *(
            pytest.param(variant, library, marks=pytest.mark.slow)
            for variant, library in (
                ("resnet101_v15", "torchvision"),
                ("resnet152_v15", "torchvision"),
                ("resnet18", "timm"),
                ("resnet34", "timm"),
                ("resnet50_v15", "timm"),
                ("resnet101_v15", "timm"),
                ("resnet152_v15", "timm"),
                ("resnet200_v15", "timm"),
            )
        ),
    ],
)
def test_under_their_names(variant: str, library):
    assert_same_logits(variant, library, side=64)


def test_pytorchcv_has_the_stride_in_the_1x1():
    """It runs the shortcut before the unit's body, so that its layers are paired by name here."""
    torch.manual_seed(0)
    net, images = models.build("resnet50").eval(), torch.randn(1, 3, 224, 224)  # its only size
    transplant(net, models.build("resnet50"), images)  # for its random statistics
    theirs = peer("pytorchcv.model_provider").get_model("resnet50").eval()
    fill_pytorchcv(theirs, net, net.stem.conv1, theirs.features.init_block.conv)
    with torch.no_grad():
        assert relative_difference(net(images), theirs(images)) <= 1e-4


def test_a_stride_in_the_3x3_would_show():
    """The comparison can fail: equal weights, other stride."""
    torch.manual_seed(0)
    net, v15 = models.build("resnet50").eval(), models.build("resnet50_v15").eval()
    images = torch.randn(2, 3, 64, 64)
    transplant(net, v15, images)
    with torch.no_grad():
        assert relative_difference(net(images), v15(images)) > 0.01


@pytest.mark.parametrize("name", ["resnet20_cifar", "plain20_cifar"])
def test_cifar_net_written_functionally(name: str):
    """No library has option A: the same weights run through the equations of the paper."""
    torch.manual_seed(0)
    net = models.build(name).eval()
    images = torch.randn(2, 3, 32, 32)
    transplant(net, models.build(name), images)  # for its random statistics
    with torch.no_grad():
        theirs = cifar_logits(net, images, residual=name.startswith("resnet"))
        assert relative_difference(net(images), theirs) <= 1e-4


def cifar_logits(net: nn.Module, images: Tensor, *, residual: bool) -> Tensor:
    """6n + 2 layers from the net's weights in order of construction, ours only in name."""
    convolutions = iter([m.weight for m in net.modules() if isinstance(m, nn.Conv2d)])
    norms = iter([m for m in net.modules() if isinstance(m, nn.BatchNorm2d)])

    def layer(x: Tensor, stride: int) -> Tensor:
        x, norm = F.conv2d(x, next(convolutions), stride=stride, padding=1), next(norms)
        mean, var = norm.running_mean, norm.running_var
        return F.batch_norm(x, mean, var, norm.weight, norm.bias, eps=1e-5)

    x = layer(images, 1).relu()
    for channels in (16, 32, 64):
        for _ in range(3):
            stride = 1 if x.shape[1] == channels else 2
            f = layer(layer(x, stride).relu(), 1)
            if residual:
                padded = torch.zeros_like(f)
                padded[:, : x.shape[1]] = F.max_pool2d(x, 1, stride)
                f = f + padded
            x = f.relu()
    return x.mean((2, 3)) @ net.classifier.weight.T + net.classifier.bias
