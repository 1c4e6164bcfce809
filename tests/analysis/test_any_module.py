"""Any module is counted, whatever its forward does, and is left as it was."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from convatlas.analysis import Graph, cost, trace, without_weights
from convatlas.analysis.doctor import examine
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


def test_a_call_of_several_outputs_is_counted_once():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.lstm = nn.LSTM(8, 4, batch_first=True)

        def forward(self, x):
            x = x.flatten(2).transpose(1, 2)
            x, _ = self.attention(x, x, x)
            return self.lstm(x)[0]

    net = Net()
    report = cost(net, (8, 4, 4))
    attention = 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8  # query, key, value, output; two products
    lstm = 16 * 4 * 4 * (8 + 4)  # four gates
    assert report.mult_adds == attention + lstm
    assert sum(row.params for row in report.rows) == report.params
    assert report.params == sum(p.numel() for p in net.parameters())
    (first, *others) = [row for row in report.rows if row.kind == "lstm"]
    assert first.read_elements == 16 * 8
    assert [row.read_elements for row in others] == [0, 0]


def test_outputs_keep_their_names():
    class Net(nn.Module):
        def forward(self, x):
            return x.flatten(2).max(dim=2).values + x.flatten(2).sort(dim=2).values[:, :, 0]

    assert cost(Net(), (3, 4, 4)).rows[-1].out_shape == (3,)


def test_what_is_written_into_a_part_is_seen():
    class Net(nn.Module):
        def forward(self, x):
            y = torch.zeros_like(x)
            y[:, 1:] = torch.exp(x[:, 1:])
            return y

    graph = trace(Net(), (4, 3, 3))
    assert graph.outputs == ("setitem",)
    (row,) = [row for row in cost(graph, (4, 3, 3)).rows if row.kind == "setitem"]
    assert (row.read_elements, row.activations) == (27, 27)
    assert row.in_place


def test_features_written_into_a_constant_are_refused():
    class Net(nn.Module):
        def forward(self, x):
            y = torch.zeros(x.shape)
            y[:] = x
            return y

    with pytest.raises(UserError, match="not made from its images"):
        trace(Net(), (3, 4, 4))


def test_a_kernel_made_of_weights_belongs_to_the_convolution_that_reads_it():
    class Standardised(nn.Conv2d):
        def forward(self, x):
            return F.conv2d(x, self.weight - self.weight.mean(), self.bias)

    net = nn.Sequential(Standardised(3, 4, 3), Standardised(4, 4, 3))
    report = cost(net, (3, 8, 8))
    assert [row.params for row in report.rows] == [112, 148]
    assert [row.weight_elements for row in report.rows] == [112, 148]


def test_an_unknown_operation_in_place_is_named():
    class Net(nn.Module):
        def forward(self, x):
            return (x * 1).erfinv_().sigmoid_()

    report = cost(Net(), (3, 4, 4))
    assert report.unknown == ("erfinv (erfinv)",)
    assert report.rows[-1].other_operations == 48


def test_attributes_that_a_forward_sets_are_gone():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(3, 1, 1))

        def forward(self, x):
            self.seen = x
            self.mean = x.mean((0, 2, 3), keepdim=True)
            return x - self.mean

    net = Net()
    mean = net.mean
    trace(net, (3, 4, 4))
    assert not hasattr(net, "seen")
    assert net.mean is mean


@pytest.mark.parametrize("error", [AssertionError("only 32"), KeyError(3), RecursionError()])
def test_a_forward_that_fails_says_where(error):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            self.conv(x)
            raise error

    with pytest.raises(UserError, match=f"fails after 'conv' .* 3x4x5.*{type(error).__name__}"):
        trace(Net(), (3, 4, 5))


class ByKeyword(nn.Module):
    def forward(self, *, x):
        return x


class Constant(nn.Module):
    def forward(self, x):
        return torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (ByKeyword(), "takes no input by position"),
        (nn.Sequential(nn.LazyConv2d(4, 3)), r"'0' \(LazyConv2d\) has no shape"),
        (Constant(), "does not depend on its images"),
    ],
)
def test_what_cannot_be_followed_is_refused(net, words):
    with pytest.raises(UserError, match=words):
        trace(net, (3, 4, 4))


@pytest.mark.parametrize(
    "gather",
    [
        lambda x: x.mean((2, 3)),
        lambda x: x.amax((2, 3), keepdim=True),
        lambda x: x.view(x.shape[0], -1),
        lambda x: x.permute(0, 2, 3, 1).mean((1, 2)),
        lambda x: F.adaptive_max_pool2d(x, 1),
    ],
)
def test_what_gathers_a_map_sees_all_of_it(gather):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, 2, 1)

        def forward(self, x):
            return gather(self.conv(x))

    row = cost(Net(), (3, 32, 32)).rows[-1]
    assert (row.receptive_field, row.field_offset) == (33, 15.0)


class Tokens(nn.Module):
    """Norms, joins and flattening of something else than images and channels; weights computed."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.flat = nn.Flatten(2)
        self.norm = nn.BatchNorm1d(8)
        self.classifier = nn.Linear(8, 2)

    def forward(self, x):
        x = self.norm(self.flat(self.patches(x))).transpose(1, 2)
        x = torch.cat([x[:, 8:], x[:, :8]], 2).flatten(0, 1)
        x = F.batch_norm(x, torch.zeros(16), torch.ones(16)).view(2, 8, 16)
        y = F.linear(x, x.mean((0, 1)).view(2, 8).repeat(1, 2))
        return F.scaled_dot_product_attention(y, y, y)


def test_tokens_are_no_maps():
    graph = trace(Tokens(), (3, 16, 16))
    kinds = [node.kind for node in graph.nodes]
    assert kinds.count("batch_norm") == 2
    assert len(graph["linear"].inputs) == 2  # weights made of features are features
    examine(graph, (3, 16, 16))


def test_attention_of_all_cells_sees_all():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, 4)

        def forward(self, x):
            x = self.patches(x)
            n, c, h, w = x.shape
            x = x.view(n, c, h * w).transpose(1, 2)
            x = F.scaled_dot_product_attention(x, x, x)
            return (x @ x.transpose(1, 2)).softmax(-1) @ x

    rows = cost(Net(), (3, 16, 16)).rows
    fields = {row.kind: row.receptive_field for row in rows}
    assert (fields["transpose"], fields["scaled_dot_product_attention"]) == (16, 16)
    assert rows[0].receptive_field == 4
    assert rows[-1].receptive_field == 16
