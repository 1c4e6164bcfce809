"""DarkNets with pytorchcv's and timm's."""

import pytest
import torch
from torch import nn

from convatlas.models import build
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant


@pytest.mark.parametrize(("variant", "theirs", "side"), [
    ("darknet_tiny", "darknet_tiny", 64),
    ("darknet_reference_224", "darknet_ref", 128),
    ("darknet19", "darknet19", 64),
    ("darknet53", "darknet53", 64),
])  # fmt: skip
def test_pytorchcv(variant, theirs, side):
    """Of the reference net it leaves out the padding of the last pool."""
    changes = {"last_pool_padding": 0} if variant == "darknet_reference_224" else {}
    ours = build(variant, input_side=side, **changes).eval()
    other = peer("pytorchcv.model_provider").get_model(theirs).eval()
    if hasattr(other.output, "final_pool"):
        other.output.final_pool = nn.AdaptiveAvgPool2d(1)  # it takes maps of one size
    else:
        other.features.final_pool = nn.AdaptiveAvgPool2d(1)
    image = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image).flatten(1)) <= 1e-4


@pytest.mark.slow
def test_timm():
    assert_same_logits("darknet53_timm", "timm", side=64, num_classes=10)


def test_another_slope_would_show():
    torch.manual_seed(0)
    first, second = (
        build("darknet53", width_multiplier=0.25),
        build("darknet53_timm", width_multiplier=0.25),
    )
    second.load_state_dict(first.state_dict())
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert relative_difference(first.eval()(image), second.eval()(image)) > 0.01
