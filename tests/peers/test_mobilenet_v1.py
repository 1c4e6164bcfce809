"""MobileNet with pytorchcv's, which has plain ReLU as well."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


@pytest.mark.parametrize(
    ("variant", "theirs"),
    [("mobilenet_v1", "mobilenet_w1"), ("mobilenet_v1_w025", "mobilenet_wd4")],
)
def test_equal_outputs(variant, theirs):
    ours = build(variant).eval()
    other = peer("pytorchcv.model_provider").get_model(theirs).eval()
    image = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) <= 1e-4
