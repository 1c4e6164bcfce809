"""BN-Inception with pytorchcv's, whose table is the caffe port's."""

import pytest
import torch
from torch import nn

from convatlas.models import build
from tests.peers.peer import peer, relative_difference, transplant

SIDE = 64


def theirs(*, narrow: bool = False, gated: bool = False) -> nn.Module:
    """Their net without the biases that batch norm takes out again.

    Args:
        narrow: the paper's table: 4c and 4d project to 96 channels, the first layer is separable.
        gated: a gate after every module.
    """
    module = peer("pytorchcv.models.bninception")
    projection, wide = (96, 576) if narrow else (128, 608)
    net = module.BNInception(
        channels=[[256, 320], [576, 576, 576, wide, wide], [448 + wide, 1024, 1024]],
        init_block_channels_list=[64, 192],
        mid1_channels_list=[
            [[64, 64], [64, 64]],
            [[128, 64], [64, 96], [96, 96], [128, 128], [128, 160]],
            [[128, 192], [192, 160], [192, 192]],
        ],
        mid2_channels_list=[
            [[64, 64, 96, 32], [64, 96, 96, 64]],
            [
                [0, 160, 96, 0],
                [224, 96, 128, 128],
                [192, 128, 128, 128],
                [160, 160, 160, projection],
                [96, 192, 192, projection],
            ],
            [[0, 192, 256, 0], [352, 320, 224, 128], [352, 320, 224, 128]],
        ],
        bias=False,
        num_classes=10,
    )
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = None  # their stem keeps some
    if gated:
        gate = peer("pytorchcv.models.common.att").SEBlock
        for stage in ("stage1", "stage2", "stage3"):
            units = getattr(net.features, stage)
            for name, unit in list(units.named_children()):
                channels = unit_channels(unit)
                setattr(units, name, nn.Sequential(unit, gate(channels, reduction=16)))
    if narrow:
        net.features.init_block.conv1 = nn.Sequential(
            nn.Conv2d(3, 24, 7, stride=2, padding=3, groups=3, bias=False),
            nn.Conv2d(24, 64, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        )
    net.features.final_pool = nn.AdaptiveAvgPool2d(1)  # a 7x7 window, which small images lack
    return net


def unit_channels(unit: nn.Module) -> int:
    """Channels that a unit of theirs gives: those of its branches' ends, or its input's."""
    ends, inputs = [], 0
    for branch in unit.branches.children():
        convs = [layer for layer in branch.modules() if isinstance(layer, nn.Conv2d)]
        inputs = max(inputs, convs[0].in_channels) if convs else inputs
        ends.append(convs[-1].out_channels if convs else inputs)
    return sum(ends)


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("bn_inception_caffe", {}),
        ("bn_inception", {"narrow": True}),
        ("se_bn_inception", {"gated": True}),
    ],
)
def test_equal_outputs(variant, changes):
    torch.manual_seed(0)
    ours = build(variant, input_side=SIDE, num_classes=10).eval()
    other = theirs(**changes).eval()
    image = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    transplant(ours, other, image)
    with torch.no_grad():
        assert relative_difference(ours(image), other(image)) <= 1e-4


def test_their_own_net_has_our_table():
    """What is built here for comparison is what they ship."""
    shipped = peer("pytorchcv.models.bninception").bninception(num_classes=10, bias=False)
    shapes = {name: p.shape for name, p in theirs().named_parameters()}
    assert {n: p.shape for n, p in shipped.named_parameters() if n in shapes} == shapes
