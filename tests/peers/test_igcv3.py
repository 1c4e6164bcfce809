"""IGCV3: the released net with pytorchcv's, and the others with a reference of the formula."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.models import build, spec_of
from convatlas.models.igcv3 import Bottleneck
from tests.peers.peer import peer, randomise, relative_difference, transplant


def test_released_net():
    torch.manual_seed(0)
    ours = build("igcv3_d_released").eval()
    theirs = peer("pytorchcv.model_provider").get_model("igcv3_w1").eval()
    image = torch.randn(1, 3, 224, 224)
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image)) <= 1e-4


def test_with_the_second_permutation_the_outputs_differ():
    """The comparison can fail."""
    torch.manual_seed(0)
    ours, other = build("igcv3_d_released").eval(), build("igcv3_d").eval()
    image = torch.randn(1, 3, 64, 64)
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) > 0.01


def reordered(x: Tensor, groups: int) -> Tensor:
    """The authors' permutation, channel by channel."""
    size = x.shape[1] // groups
    return x[:, [g * size + i for i in range(size) for g in range(groups)]]


def conv_norm(layer: nn.Module, x: Tensor, groups: int, stride: int = 1) -> Tensor:
    weight, norm = layer.conv.weight, layer.norm
    x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-5)


def bottleneck(block: Bottleneck, x: Tensor, groups: tuple[int, int], stride: int) -> Tensor:
    """y = P2 W2 P1 W1 W0 x, the 3x3 between P1 and W2."""
    f = reordered(conv_norm(block.expand, x, groups[0]), groups[0])
    f = F.relu6(conv_norm(block.depthwise, f, f.shape[1], stride))
    f = conv_norm(block.project, f, groups[1])
    return reordered(f, f.shape[1] // groups[1])


@pytest.mark.parametrize("name", ["igcv3_d", "igcv3_w"])
def test_both_permutations(name: str):
    """The authors' igcv3.py: a row's first block has no shortcut."""
    torch.manual_seed(0)
    net, spec = build(name).eval(), spec_of(name)
    randomise(net)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x = net.stem(image)
        for row, (_, _, _, stride) in zip(net.stages, spec.bottlenecks, strict=False):
            for number, block in enumerate(row):
                f = bottleneck(block, x, (spec.groups1, spec.groups2), 1 if number else stride)
                x = f + x if number else f
        logits = net.classifier(net.stages.last(x).mean((2, 3)))
        assert relative_difference(net(image), logits) <= 1e-4
