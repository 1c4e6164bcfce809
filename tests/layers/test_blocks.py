"""Blocks against their equations."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.layers import (
    ChannelShuffle,
    ConvNorm,
    JoinShuffle,
    Parallel,
    Scale,
    SelectChannels,
    SeparableConv,
    SqueezeExcite,
    check_groups,
)

X = torch.randn((2, 4, 6, 5), generator=torch.Generator().manual_seed(0))


def test_squeeze_excite_by_hand():
    torch.manual_seed(0)
    block = SqueezeExcite(4, 2)
    with torch.no_grad():
        squeezed = X.mean((2, 3))
        hidden = (squeezed @ block.reduce.weight[:, :, 0, 0].T + block.reduce.bias).clamp(min=0)
        gate = (hidden @ block.expand.weight[:, :, 0, 0].T + block.expand.bias).sigmoid()
        assert torch.allclose(block(X), X * gate[:, :, None, None], atol=1e-6)


def test_separable_convolution_has_nothing_between():
    torch.manual_seed(0)
    block = SeparableConv(4, 3, 3, stride=2)
    kernel = block.pointwise.weight * block.depthwise.weight.transpose(0, 1)
    full = nn.functional.conv2d(X, kernel, stride=2, padding=1)
    assert torch.allclose(block(X), full, atol=1e-5)


def test_kernels_of_two_sides_keep_the_side():
    for kernel in ((1, 7), (7, 1), (3, 1), 5):
        assert ConvNorm(4, 3, kernel)(X).shape == (2, 3, 6, 5)
    assert ConvNorm(4, 3, 3, padding=0, eps=1e-3)(X).shape == (2, 3, 4, 3)
    assert ConvNorm(4, 3, 3, eps=1e-3).norm.eps == 1e-3


def test_select_channels():
    assert torch.equal(SelectChannels([3, 0, 0], in_channels=4)(X), X[:, [3, 0, 0]])
    with pytest.raises(UserError, match=r"in_channels=4; use numbers from 0 to 3"):
        SelectChannels([4], in_channels=4)


def test_parallel_keeps_the_order():
    block = Parallel(OrderedDict(b=Scale(2.0), a=nn.Identity()))
    assert torch.equal(block(X), torch.cat([2 * X, X], 1))


def test_groups_that_do_not_divide():
    assert check_groups(4, channels=64) == 4
    for groups in (5, 0, -1, 2.0):
        with pytest.raises(UserError, match=rf"groups={groups} does not divide 6 channels"):
            check_groups(groups, channels=6)
    with pytest.raises(UserError, match=r"C=4 .* Use a divisor: 1, 2, 3, 6\."):
        check_groups(4, channels=6, name="C")


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_shuffles_permute_and_keep_the_memory_order(layout):
    x = torch.randn(2, 12, 5, 4).to(memory_format=layout)
    for groups in (2, 3, 4):
        y = ChannelShuffle(groups)(x)
        order = [j * 12 // groups + i for i in range(12 // groups) for j in range(groups)]
        assert torch.equal(y, x[:, order])
        assert y.is_contiguous(memory_format=layout)
    halves = x.chunk(2, dim=1)
    other = halves[1].clone(memory_format=layout)
    joined = JoinShuffle()(halves[0], other)
    assert torch.equal(joined, ChannelShuffle(2)(x))
    assert joined.is_contiguous(memory_format=layout)
