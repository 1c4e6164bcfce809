"""Inception v4 against timm and pytorchcv under the same weights."""

import pytest
from torch import nn

from convatlas import models
from tests.peers.peer import assert_same_logits, assert_transplants, peer


def test_timm():
    assert_same_logits("inception_v4", "timm", side=107)


@pytest.mark.slow
def test_timm_at_full_size():
    assert_same_logits("inception_v4", "timm")


@pytest.mark.slow
def test_pytorchcv():
    """Its net has the release's order of wide and tall kernels, not that of the figures."""
    theirs = peer("pytorchcv.model_provider").get_model("inceptionv4")
    theirs.features.final_pool = nn.AdaptiveAvgPool2d(1)  # theirs takes 299 pixels only
    assert_transplants(models.build("inception_v4"), theirs, side=107)
    with pytest.raises(AssertionError):
        assert_transplants(models.build("inception_v4_figures"), theirs, side=107)
