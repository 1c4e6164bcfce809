"""Shapes in closed form are those that running the net gives; what does not fit is named."""

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.analysis import Graph, trace
from convatlas.errors import UserError
from convatlas.layers import ConvNorm
from tests.analysis.nets import BIG, SMALL, Branches, built, observed_shapes


def assert_shapes_hold(net: nn.Module, shape: tuple[int, int, int]) -> Graph:
    graph = trace(net, shape)
    seen = observed_shapes(net, shape)
    checked = 0
    for node in graph.nodes:
        if node.module is not None:
            path, _, use = node.name.partition(":")
            assert node.shape == seen[path][int(use or 1) - 1], node.name
            checked += 1
    leaves = sum(len(s) for name, s in seen.items() if not list(net.get_submodule(name).children()))
    assert checked == leaves
    assert graph[graph.output].shape == seen[""][0]
    return graph


@pytest.mark.parametrize("name", sorted({*SMALL, *BIG}))
def test_shapes_of_variants(name):
    assert_shapes_hold(*built(name))


@pytest.mark.parametrize("side", [17, 21, 32, 35])
def test_shapes_of_every_form(side):
    graph = assert_shapes_hold(Branches(), (3, side, side + 4))
    assert [n.kind for n in graph.nodes].count("getitem") == 2
    assert graph["relu:2"].inputs == ("add",)
    assert graph["chunk"].arguments["sizes"] == (9, 9)
    assert [n.name for n in graph.consumers["chunk"]] == ["getitem", "getitem:2"]


def test_lenet_on_real_device():
    assert_shapes_hold(models.build("lenet5"), (1, 32, 32))


def test_inputs_and_order():
    graph = trace(nn.Sequential(ConvNorm(3, 8, 3), nn.Flatten(), nn.Linear(200, 2)), (3, 5, 5))
    assert graph.input.kind == "input"
    assert graph.input.shape == (3, 5, 5)
    assert [n.name for n in graph.nodes[1:]] == ["0.conv", "0.norm", "0.activation", "1", "2"]
    position = {n.name: i for i, n in enumerate(graph.nodes)}
    assert all(position[i] < position[n.name] for n in graph.nodes for i in n.inputs)


def test_subclass_that_keeps_forward_is_known():
    class Named(nn.Conv2d):
        pass

    assert trace(nn.Sequential(Named(3, 4, 1)), (3, 2, 2))["0"].kind == "Conv2d"


def test_padding_by_word():
    net = nn.Sequential(
        nn.Conv2d(3, 4, (4, 3), padding="same", dilation=2), nn.Conv2d(4, 5, 3, padding="valid")
    )
    with torch.no_grad():
        expected = tuple(net(torch.zeros(1, 3, 9, 8)).shape[1:])
    assert trace(net, (3, 9, 8))["1"].shape == expected


def test_control_flow_by_values_is_explained():
    class Net(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match=r"The net's forward asks for the values .* \(__bool__\)"):
        trace(Net(), (3, 8, 8))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Conv2d(1, 4, 3)), r"'0' \(Conv2d\) takes 1 channels but gets 3"),
        (nn.Sequential(nn.Conv2d(3, 4, 9)), r"'0' \(Conv2d\) has a window of 9 but gets a side"),
        (nn.Sequential(nn.MaxPool2d(9)), r"'0' \(MaxPool2d\) has a window of 9"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), r"'1' \(Linear\) takes 7 features but ge"),
        (nn.Sequential(nn.Flatten(), nn.Conv2d(3, 4, 1)), r"'1' \(Conv2d\) takes feature maps"),
        (nn.Sequential(nn.BatchNorm2d(4)), r"'0' \(BatchNorm2d\) takes 4 channels but gets 3"),
    ],
)
def test_misfits_are_named(net, message):
    with pytest.raises(UserError, match=message):
        trace(net, (3, 8, 8))


def test_variant_on_too_small_an_image():
    net, _ = built("alexnet")
    with pytest.raises(UserError, match=r"Use another input size"):
        trace(net, (3, 32, 32))


def test_addition_of_different_shapes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.conv(x) + x

    with pytest.raises(UserError, match=r"'add' in 'the net' gets shapes \(4, 8, 8\) and \(3, 8"):
        trace(Net(), (3, 8, 8))
