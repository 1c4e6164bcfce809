"""Inception v3 with torchvision's and timm's."""

import pytest
import torch

from convatlas.models import build
from tests.peers.peer import assert_same_logits, build_theirs, randomise, relative_difference

SIDE = 107  # maps of 11, 5 and 2


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_equal_outputs(library):
    assert_same_logits("inception_v3", library, side=SIDE)


@pytest.mark.slow
def test_equal_outputs_of_the_full_size():
    assert_same_logits("inception_v3", "torchvision")


def test_equal_head():
    """Ours takes the weights of theirs by the names of its parts."""
    theirs = build_theirs("torchvision", "inception_v3").AuxLogits.eval()
    randomise(theirs)
    own = build("inception_v3").eval().aux["inception_b4"]
    for ours, layer in zip(own.convs, (theirs.conv0, theirs.conv1), strict=True):
        ours.conv.load_state_dict(layer.conv.state_dict())
        ours.norm.load_state_dict(layer.bn.state_dict())
    own.linear.load_state_dict(theirs.fc.state_dict())
    x = torch.randn(2, 768, 17, 17)
    with torch.no_grad():
        assert relative_difference(theirs(x), own(x)) <= 1e-4
