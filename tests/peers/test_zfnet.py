"""ZFNet with pytorchcv's, whose normalisation stands elsewhere and is switched off here."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant


@pytest.mark.parametrize(
    ("variant", "theirs"),
    [("zfnet", "zfnet"), pytest.param("zfnet_b", "zfnetb", marks=pytest.mark.slow)],
)
def test_equal_outputs(variant, theirs):
    ours = build(variant, num_classes=10, normalisation="none").eval()
    other = peer("pytorchcv.model_provider").get_model(theirs, num_classes=10).eval()
    for stage in other.features:
        for unit in stage:
            unit.use_lrn = False
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) <= 1e-4
