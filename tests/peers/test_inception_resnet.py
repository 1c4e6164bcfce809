"""Inception-ResNets against timm and pytorchcv under the same weights."""

import pytest
from torch import nn

from convatlas import models
from tests.peers.peer import assert_same_logits, assert_transplants, peer


@pytest.mark.slow
def test_timm():
    assert_same_logits("inception_resnet_v2_released", "timm", side=107)


@pytest.mark.slow
def test_timm_at_full_size():
    assert_same_logits("inception_resnet_v2_released", "timm")


def test_pytorchcv_v1():
    """Its net is FaceNet's: one C module more, the last one linear, and another classifier."""
    theirs = peer("pytorchcv.model_provider").get_model("inceptionresnetv1").features
    theirs.final_pool = nn.AdaptiveAvgPool2d(1)  # theirs takes 299 pixels only
    net = models.build("inception_resnet_v1", modules=(5, 10, 6), linear_end=True)
    assert_transplants(nn.Sequential(net.stem, net.stages, net.pool), theirs, side=107)


@pytest.mark.slow
def test_pytorchcv_v2():
    theirs = peer("pytorchcv.model_provider").get_model("inceptionresnetv2")
    theirs.features.final_pool = nn.AdaptiveAvgPool2d(1)
    assert_transplants(models.build("inception_resnet_v2_released"), theirs, side=107)
