"""Steps and blocks that keep little for the gradient equal the plain ones."""

import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.layers import NormConv, is_recomputable, recomputed_dense_block, recomputed_norm_conv
from convatlas.layers import _normed_conv as in_parts

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def randomised(net):
    """Scales, some below 0, shifts and statistics unlike those of an untrained net."""
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, -0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
            norm.running_mean.uniform_(-1, 1)
    return net


def assert_same_step(plain, run, other, run_other, x, *, tolerance=1e-5):
    """Outputs, all gradients and running statistics agree, relative to the largest."""
    other.load_state_dict(plain.state_dict())
    x, again = (x.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2))
    y, z = run(x), run_other(again)
    weights = torch.randn(y.shape)
    (y * weights).sum().backward()
    (z * weights).sum().backward()
    pairs = [(y, z), *zip(plain.buffers(), other.buffers(), strict=True)]
    ours = [*other.parameters(), again]
    pairs += [(a.grad, b.grad) for a, b in zip([*plain.parameters(), x], ours, strict=True)]
    for a, b in pairs:
        assert a.dtype == b.dtype
        if a.is_floating_point():
            assert (a - b).abs().max() <= tolerance * a.abs().max()
        else:
            assert torch.equal(a, b)


@pytest.fixture(params=[1, 3 * 8 * 7 * 5 * 4, 2**20], ids=["by one", "by three", "all at once"])
def part(request, monkeypatch):
    """Images at a time: 5 are no multiple of 3."""
    monkeypatch.setattr(in_parts, "_PART_BYTES", request.param)


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("changes", [{}, {"stride": 2}, {"groups": 2}])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_step_equals_the_plain_one(kernel, changes, layout):
    torch.manual_seed(0)
    plain, other = (
        randomised(NormConv(8, 6, kernel, **changes)).to(memory_format=layout) for _ in range(2)
    )
    x = torch.randn(5, 8, 7, 5).to(memory_format=layout) + 3
    assert_same_step(
        plain, plain, other, lambda x: recomputed_norm_conv(other.norm, other.conv, x), x
    )


class Layers(nn.ModuleList):
    """Dense layers of one or two steps behind 4 channels."""

    def __init__(self, *growths, bottleneck):
        super().__init__()
        channels = 4
        for growth in growths:
            narrow = [NormConv(channels, 8, 1)] if bottleneck else []
            self.append(nn.Sequential(*narrow, NormConv(8 if bottleneck else channels, growth, 3)))
            channels += growth

    def forward(self, x):
        for layer in self:
            x = torch.cat([x, layer(x)], 1)
        return x

    def recomputed(self, x):
        return recomputed_dense_block(x, [[(s.norm, s.conv) for s in layer] for layer in self])


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_block_equals_the_plain_one(bottleneck, layout):
    torch.manual_seed(0)
    plain, other = (
        randomised(Layers(2, 3, 1, bottleneck=bottleneck)).to(memory_format=layout)
        for _ in range(2)
    )
    x = torch.randn(5, 4, 7, 5).to(memory_format=layout)
    assert_same_step(plain, plain, other, other.recomputed, x)


def test_gradients_are_those_of_differences():
    """Against finite differences, in double precision."""
    torch.manual_seed(0)
    layers = randomised(Layers(2, 1, bottleneck=True).double())
    x = torch.randn(3, 4, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layers.recomputed, x)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_autocast_is_as_near_to_single_precision_as_the_plain_block(layout):
    """bfloat16 has 8 bits: a few percent, where a ReLU's input changes its sign."""
    torch.manual_seed(1)
    layers = Layers(2, 3, bottleneck=True).to(memory_format=layout)
    x = torch.randn(5, 4, 7, 5).to(memory_format=layout)
    weights = torch.randn(5, 9, 7, 5)

    def gradients(run, *, half):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            y = run(x)
        loss = (y.float() * weights).sum()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, layers.parameters())])

    exact = gradients(layers, half=False)
    for run in (layers, layers.recomputed):
        assert (gradients(run, half=True) - exact).norm() < 0.05 * exact.norm()


def test_the_gradient_given_is_not_written_over():
    layers, x = Layers(2, bottleneck=False), torch.randn(2, 4, 3, 3, requires_grad=True)
    y = layers.recomputed(x)
    given = torch.randn(y.shape)
    before = given.clone()
    y.backward(given)
    assert torch.equal(given, before)


def test_backward_can_be_run_twice():
    layers, x = Layers(2, bottleneck=True), torch.randn(2, 4, 3, 3, requires_grad=True)
    loss = layers.recomputed(x).square().sum()
    first = torch.autograd.grad(loss, x, retain_graph=True)
    assert torch.equal(*first, *torch.autograd.grad(loss, x))


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
        (nn.SyncBatchNorm(2), nn.Conv2d(2, 2, 1, bias=False)),
        (nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)),
        (nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding="same", bias=False)),
        (nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect", bias=False)),
    ]:
        assert not is_recomputable(norm, conv)
        with pytest.raises(UserError, match="recomputed"):
            recomputed_norm_conv(norm, conv, x)
    step = NormConv(2, 3, 1)
    with pytest.raises(UserError, match="more than one number per channel"):
        recomputed_norm_conv(step.norm, step.conv, x[:1, :, :1, :1])
