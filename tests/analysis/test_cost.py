"""Counts against torch's own counter, and by hand."""

from math import prod

import pytest
import torch
from torch import nn

from convatlas import models
from convatlas.analysis import CONVENTIONS, cost, stages, trace
from convatlas.errors import UserError
from convatlas.layers import ConvNorm
from tests.analysis.nets import BIG, SMALL, Branches, built, counted_by_torch


@pytest.mark.parametrize("name", sorted({*SMALL, *BIG}))
def test_mult_adds_are_torchs(name):
    net, shape = built(name)
    report = cost(net, shape)
    assert report.mult_adds == counted_by_torch(net, shape)
    assert report.params == sum(row.params for row in report.rows)
    assert report.weight_bytes == 4 * report.params


def test_mult_adds_of_every_form():
    assert cost(Branches(), (3, 33, 29)).mult_adds == counted_by_torch(Branches(), (3, 33, 29))


def test_lenet5_counts_only_connected_maps():
    report = cost(models.build("lenet5"), (1, 32, 32))
    c1, c3, c5, f6 = 28**2 * 6 * 25, 10**2 * 60 * 25, 120 * 400, 84 * 120
    assert report.mult_adds == c1 + c3 + c5 + f6


def small_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),  # 8 x 6 x 6
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),  # 8 x 3 x 3
        nn.Flatten(),
        nn.Linear(72, 10, bias=False),
    )


@pytest.mark.parametrize(
    ("convention", "count"),
    [
        ("conv+linear", 288 * 27 + 720),
        ("with bias", 288 * 27 + 288 + 720),
        ("all operators", 288 * 27 + 288 + 288 + 288 + 72 * 4 + 720),
        ("doubled", 2 * (288 * 27 + 720)),
    ],
)
def test_conventions(convention, count):
    report = cost(small_net(), (3, 6, 6), convention=convention)
    assert report.mult_adds == count
    assert report.convention == CONVENTIONS[convention]


def test_unknown_convention():
    with pytest.raises(UserError, match="convention='flops' is unknown"):
        cost(small_net(), (3, 6, 6), convention="flops")


def test_rows_by_hand():
    rows = {row.name: row for row in cost(small_net(), (3, 6, 6)).rows}
    assert rows["0"].in_shape == (3, 6, 6)
    assert rows["0"].out_shape == (8, 6, 6)
    assert (rows["0"].params, rows["0"].activations) == (224, 288)
    assert rows["0"].memory_access == 108 + 224 + 288
    assert rows["2"].memory_access == 288 + 288
    assert (rows["4"].activations, rows["4"].memory_access) == (0, 0)
    assert rows["5"].memory_access == 72 + 720 + 10
    assert [row.receptive_field for row in rows.values()] == [3, 3, 3, 4, 8, 8]


def test_peak_memory_by_hand():
    # conv: 108 in, 288 out; norm and ReLU write over the 288; pool adds 72 to them
    assert cost(small_net(), (3, 6, 6)).planned_memory_bytes == 4 * (224 + 16 + 720 + 108 + 288)


def test_peak_memory_of_a_shortcut():
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(1, 4, 1, bias=False)
            self.unit = nn.Sequential(
                nn.ReLU(), nn.Conv2d(4, 12, 1, bias=False), nn.Conv2d(12, 1, 1, bias=False)
            )

        def forward(self, images):
            x = self.stem(images)
            return x + self.unit(x)

    # the ReLU may not write over x, which the addition reads: x, its ReLU and 12 wide channels
    assert cost(Residual(), (1, 5, 5)).planned_memory_bytes == 4 * (4 + 48 + 12 + 100 + 100 + 300)


def test_images_are_not_written_over():
    net = nn.Sequential(nn.ReLU(), nn.ReLU())
    assert cost(net, (4, 5, 5)).planned_memory_bytes == 4 * 200


@pytest.mark.parametrize("name", [*SMALL, "densenet121", "shufflenet_v2_x1_0"])
def test_peak_memory_holds_every_layer(name):
    net, shape = built(name)
    report = cost(net, shape)
    in_place = {"BatchNorm2d", "ReLU", "ReLU6", "Tanh", "Sigmoid", "ScaledTanh", "SampleDrop"}
    graph = trace(net, shape)
    largest = max(
        sum(prod(graph[i].shape) for i in node.inputs) + prod(node.shape)
        for node in graph.nodes[1:]
        if node.kind not in {*in_place, "chunk", "getitem", "flatten", "Identity", "Dropout"}
    )
    everything = sum(row.activations for row in report.rows) + prod(shape)
    assert 4 * largest <= report.planned_memory_bytes - report.weight_bytes <= 4 * everything


def test_shared_module_has_its_parameters_once():
    conv = nn.Conv2d(4, 4, 1)
    report = cost(nn.Sequential(conv, conv), (4, 3, 3))
    assert [row.params for row in report.rows] == [20, 0]
    assert [row.name for row in report.rows] == ["0", "0:2"]
    assert report.params == 20


class TwoPaths(nn.Module):
    """3x3 then 3x3 at stride 2, beside 1x1 at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.second = nn.Conv2d(1, 1, 3, stride=2, padding=1)
        self.beside = nn.Conv2d(1, 1, 1, stride=2)
        self.dilated = nn.Conv2d(1, 1, 3, padding=3, dilation=3)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x):
        return self.pool(self.dilated(self.second(self.first(x)) + self.beside(x)))


def seen_by_the_middle(net: nn.Module, side: int) -> int:
    """The side of the pixels that change the middle output element, by its gradient."""
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    image = torch.ones(1, 1, side, side, requires_grad=True)
    out = net(image)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()
    return int(rows.max() - rows.min()) + 1


def test_receptive_field_is_what_the_gradient_reaches():
    net = TwoPaths()
    report = cost(net, (1, 64, 64))
    assert report.rows[-1].receptive_field == seen_by_the_middle(net, 64)
    deep = nn.Sequential(*(nn.Conv2d(1, 1, k, stride=s) for k, s in [(7, 2), (3, 2), (5, 1)]))
    assert cost(deep, (1, 96, 96)).rows[-1].receptive_field == seen_by_the_middle(deep, 96)


def test_receptive_field_of_vgg16():
    # 3x3 convolutions: 2, 2, 3, 3, 3 of them between poolings; 7x7 classifier on the last map
    rows = {row.name: row for row in cost(*built("vgg_d")).rows}
    last_conv = max(r.receptive_field for n, r in rows.items() if n.startswith("stages.conv5.conv"))
    assert last_conv == 196
    assert rows["classifier.fc6"].receptive_field == 404


def test_stages_add_up():
    net, shape = built("resnet50")
    found = stages(net, shape)
    report = cost(net, shape)
    assert [s.name for s in found][-2:] == ["pool", "classifier"]
    assert found[0].name.startswith("stem")
    assert sum(s.params for s in found) == report.params
    assert sum(s.mult_adds for s in found) == report.mult_adds
    assert [s.out_shape for s in found if s.name.startswith("stages.")] == [
        (256, 56, 56),
        (512, 28, 28),
        (1024, 14, 14),
        (2048, 7, 7),
    ]


def test_as_dict_is_plain():
    import json

    report = cost(nn.Sequential(ConvNorm(3, 4, 3)), (3, 8, 8)).as_dict()
    assert json.loads(json.dumps(report))["rows"][0]["name"] == "0.conv"
