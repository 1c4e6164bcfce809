"""Any module is counted, whatever its forward does, and is left as it was."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from convatlas.analysis import Graph, cost, trace, without_weights
from convatlas.errors import UserError


def counted_by_torch(net: nn.Module, shape: tuple[int, int, int]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.eval()(torch.zeros(1, *shape))
    return counter.get_total_flops() // 2


class Functional(nn.Module):
    """Layers as functions with parameters of their own, sums and joins in many spellings."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.grouped = nn.Parameter(torch.randn(8, 2, 1, 1))
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.matrix = nn.Parameter(torch.randn(5, 16))
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("var", torch.ones(8))

    def forward(self, x):
        x = F.relu(F.conv2d(x, self.kernel, stride=2, padding=1))
        x = F.batch_norm(x, self.mean, self.var)
        x = x * self.scale + F.conv2d(x, self.grouped, groups=4)
        x += 1
        x = F.max_pool2d(F.relu_(x), 2, 2)
        x = torch.concat((x, F.avg_pool2d(x, 3, 1, 1)), 1)
        x = F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        return F.linear(F.dropout(x, 0.5, self.training), self.matrix)


def test_functions_are_the_layers_that_they_are():
    net = Functional()
    report = cost(net, (3, 16, 12))
    assert report.mult_adds == counted_by_torch(net, (3, 16, 12)) > 0
    assert report.params == sum(p.numel() for p in net.parameters())
    assert (report.aux_params, report.unknown) == (0, ())
    kinds = [node.kind for node in trace(net, (3, 16, 12)).nodes]
    assert kinds.count("Conv2d") == 2
    assert {"BatchNorm2d", "MaxPool2d", "AvgPool2d", "Linear", "Dropout"} <= set(kinds)


class ByShape(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        while x.shape[-1] > 4 and x.size(2) > 4:
            x = F.max_pool2d(self.conv(x), 2)
        return x


@pytest.mark.parametrize(("side", "calls"), [(4, 0), (5, 1), (16, 2), (64, 4)])
def test_decisions_by_shape_are_followed(side, calls):
    report = cost(ByShape(), (3, side, side))
    assert [row.kind for row in report.rows].count("Conv2d") == calls
    assert report.params == (12 if calls else 0)  # of a module that runs again, once
    assert report.aux_params == 12 - report.params


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(12, 36)
        self.up = nn.ConvTranspose2d(12, 4, 2, 2)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
        y = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.up(y.transpose(1, 2).reshape(n, c, h, w))


def test_products_of_tensors_and_transposed_convolutions_are_counted():
    net = Attention()
    report = cost(net, (12, 6, 5))
    assert report.mult_adds == counted_by_torch(net, (12, 6, 5)) > 12 * 36 * 30
    assert report.unknown == ()
    assert report.rows[-1].out_shape == (4, 12, 10)


class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 1))

    def forward(self, x):
        return torch.fft.fft2(self.inner(x)).real


def test_what_nobody_knows_is_named():
    report = cost(Spectral(), (3, 8, 8))
    assert report.unknown == ("fft_fft2 (fft_fft2)",)
    assert [row.known for row in report.rows] == [True, False, True]
    assert report.mult_adds == 3 * 4 * 64


def test_views_and_what_is_written_in_place_take_no_memory():
    class Net(nn.Module):
        def forward(self, x):
            y = x + x
            z = y.view(y.shape[0], 2, -1).transpose(1, 2)[:, 1:]
            return F.relu(y, inplace=True), z.contiguous()

    graph = trace(Net(), (4, 6, 6))
    owners = {node.name: node.owner for node in graph.nodes}
    assert owners == {
        "images": "images", "add": "add", "view": "add", "transpose": "add", "getitem": "add",
        "ReLU": "add", "contiguous": "contiguous",
    }  # fmt: skip
    assert [node.name for node in graph.nodes if node.in_place] == ["ReLU"]
    assert graph.outputs == ("ReLU", "contiguous")


def test_a_tensor_lives_as_long_as_a_variable_names_it():
    class Net(nn.Module):
        def forward(self, x):
            first = x * 2
            second = first * 2
            del first
            third = second * 2
            fourth = third * 2  # `second` is still named
            return fourth * 2

    graph = trace(Net(), (1, 1, 1))
    last = len(graph.nodes) - 1
    lives = [node.dies for node in graph.nodes]
    assert lives == [last, 2, last, last, last, last]


class Strange(nn.Module):
    """Hooks, buffers, a mode of its own, shared layers and heads that only training reads."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.again = self.conv
        self.norm = nn.BatchNorm2d(4)
        self.norm.eval()
        self.drop = nn.Dropout()
        self.head = nn.Linear(4, 2)
        self.conv.register_forward_hook(lambda *_: None)

    def forward(self, x):
        y = self.drop(self.norm(self.conv(x)))
        assert not self.training
        if self.training:
            return self.head(y.mean((2, 3)))
        return self.again(x) + y


def test_a_module_is_left_as_it_was():
    net = Strange().train()
    net.norm.eval()
    before = copy.deepcopy(net.state_dict())
    modes = [m.training for m in net.modules()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in net.modules()]
    names = [sorted(vars(m)) for m in net.modules()]
    report = cost(net, (3, 8, 8))
    assert report.aux_params == 10  # the head's
    assert [row.name for row in report.rows if row.kind == "Conv2d"] == ["conv", "conv:2"]
    assert [m.training for m in net.modules()] == modes
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in net.modules()] == hooks
    assert [sorted(vars(m)) for m in net.modules()] == names
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert nn.Module.__call__ is not None
    assert net.eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 4, 6, 6)


def test_a_failed_trace_leaves_everything_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(5, 4, 1)).train()
    original = nn.Module.__call__
    with pytest.raises(UserError, match=r"'1' \(Conv2d\) takes 5 channels but gets 4"):
        trace(net, (3, 8, 8))
    assert nn.Module.__call__ is original
    assert net.training


def test_the_device_and_type_of_the_weights_are_seen():
    seen = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3, 1, 1, dtype=torch.float64))

        def forward(self, x):
            seen.append((x.dtype, x.device.type, isinstance(x, torch.Tensor), x.is_contiguous()))
            return x * self.weight

    with without_weights():
        bare = Net()
    trace(bare, (3, 2, 2))
    trace(Net(), (3, 2, 2))
    assert seen == [(torch.float64, "meta", True, True), (torch.float64, "cpu", True, True)]


def test_several_inputs_are_refused_by_name():
    class Net(nn.Module):
        def forward(self, image, mask, scale=1):
            return image * mask

    with pytest.raises(UserError, match=r"Net takes 2 inputs \(image, mask\)"):
        trace(Net(), (3, 8, 8))


def test_what_returns_no_tensor_is_refused():
    class Net(nn.Module):
        def forward(self, x):
            return x.shape[1]

    with pytest.raises(UserError, match="Net returns int"):
        trace(Net(), (3, 8, 8))


def test_an_impossible_view_names_the_place():
    class Inner(nn.Module):
        def forward(self, x):
            return x.view(x.size(0), 7, -1)

    with pytest.raises(UserError, match=r"'view' in '1' cannot take \(3, 8, 8\): shape"):
        trace(nn.Sequential(nn.ReLU(), Inner()), (3, 8, 8))


def test_several_outputs_are_all_kept():
    class Net(nn.Module):
        def forward(self, x):
            return {"a": x * 2, "b": [x + x, x - x]}

    graph = trace(Net(), (3, 2, 2))
    assert isinstance(graph, Graph)
    assert graph.outputs == ("mul", "add", "sub")
    assert {node.dies for node in graph.nodes} == {3}
