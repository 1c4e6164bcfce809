"""DenseNets against torchvision, timm and pytorchcv under the same weights."""

import pytest
import torch
from torch import Tensor, nn

from convatlas import models
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant


@pytest.mark.parametrize("library", ["torchvision", "timm"])
@pytest.mark.parametrize(
    "variant",
    [
        "densenet121",
        pytest.param("densenet161_k48", marks=pytest.mark.slow),
        pytest.param("densenet169", marks=pytest.mark.slow),
        pytest.param("densenet201", marks=pytest.mark.slow),
    ],
)
def test_their_weights_by_name(variant, library):
    assert_same_logits(variant, library, side=64)


def test_pytorchcv_bc():
    torch.manual_seed(0)
    theirs = peer("pytorchcv.model_provider").get_model("densenet100_k12_bc_cifar10")
    assert_equal(models.build("densenet_bc_100_k12"), theirs, torch.randn(2, 3, 32, 32))


def test_pytorchcv_plain_compresses():
    """Its plain net equals ours once that halves at transitions and starts from 2k channels."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    theirs = peer("pytorchcv.model_provider").get_model("densenet40_k12_cifar10")
    ours = models.build("densenet_40_k12", compression=0.5, stem_channels=24)
    assert_equal(ours, theirs, images)
    with pytest.raises(AssertionError):
        transplant(models.build("densenet_40_k12"), theirs, images)


def assert_equal(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    transplant(ours, theirs, images)
    with torch.no_grad():
        assert relative_difference(ours.eval()(images), theirs.eval()(images)) <= 1e-4
