"""IGCV2 with every product of sparse kernels multiplied out to one dense convolution."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.layers import InterleavedNorm, InterleavedUnit
from convatlas.models import build, spec_of
from tests.papers.sparse_kernels import composed
from tests.peers.peer import randomise, relative_difference


def multiplied(block: InterleavedNorm, x: Tensor) -> Tensor:
    """W = P_L W_L ... P_1 W_1 in one convolution, then batch norm."""
    stride = block.conv.conv1.stride
    x = F.conv2d(x, composed(block.conv), stride=stride, padding=1)
    norm = block.norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    x = x * scale[:, None, None]
    return x + (norm.bias - norm.running_mean * scale)[:, None, None]


def block(layer: nn.Module, x: Tensor) -> Tensor:
    if isinstance(layer, InterleavedUnit):
        f = multiplied(layer.second, F.relu(multiplied(layer.first, x)))
        return F.relu(f + layer.shortcut(x))
    return F.relu(multiplied(layer, x))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("igcv2_c64_d8", {}),
        ("igcv2_star_c416_d20", {"width_multiplier": 0.25, "input_side": 16}),
        ("igcv2_mobile_w025", {"input_side": 64}),
    ],
)
def test_equal_outputs(name: str, changes: dict[str, float]):
    torch.manual_seed(0)
    net, spec = build(name, **changes).double().eval(), spec_of(name, **changes)
    randomise(net)
    images = torch.randn(2, 3, spec.input_side, spec.input_side, dtype=torch.float64)
    with torch.no_grad():
        x = net.stem(images)
        for stage in net.stages:
            for layer in stage:
                x = block(layer, x)
        logits = net.classifier(x.mean((2, 3)))
        assert relative_difference(net(images), logits) <= 1e-9
