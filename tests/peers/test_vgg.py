"""VGG with torchvision's and timm's; in short on images that leave a map of 2x2 before fc6."""

import pytest
import torch
from torch import nn

from convatlas.models import build
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant


@pytest.mark.parametrize(
    ("variant", "theirs"), [("vgg_a", "vgg11"), ("vgg_d", "vgg16"), ("vgg_b_bn", "vgg13_bn")]
)
def test_equal_outputs(variant, theirs):
    ours = build(variant, input_side=64, num_classes=10).eval()
    other = getattr(peer("torchvision.models"), theirs)(num_classes=10, init_weights=False).eval()
    other.avgpool = nn.Identity()  # it would stretch the map to 7x7
    other.classifier[0] = nn.Linear(512 * 2 * 2, 4096)
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("library", ["torchvision", "timm"])
@pytest.mark.parametrize("column", ["a", "b", "d", "e"])
@pytest.mark.parametrize("norm", ["", "_bn"])
def test_equal_outputs_at_full_size(column, norm, library):
    assert_same_logits(f"vgg_{column}{norm}", library)
