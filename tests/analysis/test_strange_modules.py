"""Forwards that are written in strange ways are counted, or refused with a reason."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convatlas.analysis import cost, trace
from convatlas.analysis.doctor import examine
from convatlas.errors import UserError


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
