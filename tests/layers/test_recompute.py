"""The step that keeps nothing but its inputs equals the plain one."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.layers import NormConv, recomputed_norm_conv


@pytest.mark.parametrize("changes", [{}, {"stride": 2}, {"groups": 2}])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_plain_step(kernel, changes, layout):
    torch.manual_seed(0)
    plain, other = NormConv(8, 6, kernel, **changes), NormConv(8, 6, kernel, **changes)
    nn.init.uniform_(plain.norm.weight, 0.5, 1.5)
    nn.init.uniform_(plain.norm.bias, -0.5, 0.5)
    other.load_state_dict(plain.state_dict())
    inputs = [torch.randn(4, c, 7, 5).to(memory_format=layout).requires_grad_() for c in (5, 2, 1)]
    again = [x.detach().clone().requires_grad_() for x in inputs]
    y, z = plain(torch.cat(inputs, 1)), recomputed_norm_conv(other.norm, other.conv, *again)
    assert torch.allclose(y, z, atol=1e-6)
    weights = torch.randn(y.shape)
    (y * weights).sum().backward()
    (z * weights).sum().backward()
    ours = [*other.parameters(), *again]
    for a, b in zip([*plain.parameters(), *inputs], ours, strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-4, rtol=1e-4)
    for a, b in zip(plain.buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b)


def test_gradients_of_gradients_are_refused():
    step, x = NormConv(2, 3, 1), torch.randn(2, 2, 3, 3, requires_grad=True)
    y = recomputed_norm_conv(step.norm, step.conv, x).square().sum()
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_what_cannot_be_recomputed():
    x = torch.randn(2, 2, 3, 3)
    for norm, conv in [
        (nn.BatchNorm2d(2).eval(), nn.Conv2d(2, 2, 1, bias=False)),
        (nn.BatchNorm2d(2, affine=False), nn.Conv2d(2, 2, 1, bias=False)),
        (nn.BatchNorm2d(2, momentum=None), nn.Conv2d(2, 2, 1, bias=False)),
        (nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)),
        (nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding="same", bias=False)),
    ]:
        with pytest.raises(UserError, match="recomputed"):
            recomputed_norm_conv(norm, conv, x)
