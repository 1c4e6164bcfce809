"""Srivastava et al. 2015: Sec. 3.1, Tables 1 and 3, and the layers of the released files."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas import models
from convatlas.analysis import trace, without_weights
from convatlas.errors import UserError
from convatlas.layers import Gate
from convatlas.models.highway import FAMILY, HighwayLayer
from tests.papers.stage_table import mult_adds, on_meta, params, stage_rows
from tests.peers.peer import relative_difference


@pytest.mark.parametrize("depth", [10, 20, 50, 100])
@pytest.mark.parametrize(("kind", "width"), [("highway", 50), ("plain", 71)])
def test_fully_connected_nets(kind: str, width: int, depth: int):
    """Sec. 3.1: a plain layer, then 9 to 99 of 50 units or of 71, then the softmax layer."""
    with without_weights():
        net = models.build(f"{kind}_{depth}_fc_mnist")
    matrices = [m for m in net.modules() if isinstance(m, nn.Linear)]
    first, *hidden, last = [(m.in_features, m.out_features) for m in matrices]
    assert (first, last) == ((28 * 28, width), (width, 10))
    assert hidden == [(width, width)] * ((depth - 1) * (2 if kind == "highway" else 1))
    per_layer = {"highway": 2 * (50 * 50 + 50), "plain": 71 * 71 + 71}[kind]
    assert {params(layer) for layer in net.stages.stage1} == {per_layer}
    assert params(net) == 785 * width + (depth - 1) * per_layer + 10 * (width + 1)


PLACES = {
    "stem": "stem",
    "pool.conv": "head",
    "pool.average": "average",
    "classifier": "classifier",
}
# Layers of the released files as their logs print them: name, trainable parameters, maps, side.
MNIST = [
    ("stem", 832, 32, 24),
    *[("layer", 18_496, 32, 24)] * 2,
    ("pool", 0, 32, 12),
    *[("layer", 18_496, 32, 12)] * 3,
    ("pool", 0, 32, 6),
    *[("layer", 18_496, 32, 6)] * 3,
    ("pool", 0, 32, 3),
    ("classifier", 2_890, 10, 1),
]
CIFAR = [
    ("stem", 896, 32, 32),
    *[("layer", 18_496, 32, 32)] * 4,
    ("pool", 0, 32, 16),
    ("widen", 23_120, 80, 16),
    *[("layer", 115_360, 80, 16)] * 5,
    ("pool", 0, 80, 8),
    ("widen", 92_288, 128, 8),
    *[("layer", 295_168, 128, 8)] * 5,
    ("head", 12_900, 100, 8),
    ("average", 0, 100, 1),
    ("classifier", 10_100, 100, 1),
]


@pytest.mark.parametrize(
    ("name", "rows", "total"),
    [("highway_10_w32_mnist", MNIST, 151_690), ("highway_19_cifar100", CIFAR, 2_265_928)],
)
def test_layers_of_the_released_files(name: str, rows: list[tuple], total: int):
    with without_weights():
        net = models.build(name).eval()
    spec, found = models.spec_of(name), []

    def note(kind: str):
        def hook(module: nn.Module, _: object, out: Tensor) -> None:
            found.append(
                (kind, params(module), out.shape[1], out.shape[-1] if out.dim() > 2 else 1)
            )

        return hook

    for path, module in net.named_modules():
        if path in PLACES:
            module.register_forward_hook(note(PLACES[path]))
        elif path.count(".") == 2 and path.startswith("stages"):
            kind = path.split(".")[-1].rstrip("0123456789")
            if kind != "dropout":
                module.register_forward_hook(note(kind))
    with torch.no_grad(), torch.device("meta"):
        net.to("meta")(torch.empty(1, spec.in_channels, spec.input_side, spec.input_side))
    assert found == rows
    assert sum(count for _, count, _, _ in rows) == params(net) == total


def test_tables_1_and_3():
    assert params(on_meta("highway_10_w16_mnist")) == 38_986
    assert params(on_meta("highway_19_cifar10")) == 2_265_928 - 90 * 101
    assert [row[:3] for row in stage_rows("highway_10_w16_mnist")] == [
        ("stage1", 12, 16),
        ("stage2", 6, 16),
        ("stage3", 3, 16),
    ]
    assert [row[:3] for row in stage_rows("highway_19_cifar10")] == [
        ("stage1", 16, 32),
        ("stage2", 8, 80),
        ("stage3", 8, 128),
    ]
    by_hand = 24**2 * 25 * 16 + 2 * 9 * 16**2 * (2 * 24**2 + 3 * 12**2 + 3 * 6**2) + 144 * 10
    assert mult_adds("highway_10_w16_mnist") == by_hand


@pytest.mark.parametrize(
    "fact", FAMILY.facts, ids=lambda f: f"{f.variant}-{f.quantity}={f.printed}"
)
def test_printed_figure(fact):
    net = on_meta(fact.variant)
    measured = params(net.get_submodule(fact.part))
    if fact.quantity == "layers":  # a layer's gate is not another layer
        weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        measured = len(weighted) - sum(isinstance(m, Gate) for m in net.modules())
    assert fact.verdict(measured) != "differs"


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_equation(activation: str):
    """y = H T + x (1 - T), with conv H and T as the released layer computes them."""
    torch.manual_seed(0)
    net = models.build("highway_10_w16_mnist", activation=activation)
    layer, x = net.stages.stage1.layer1, torch.randn(2, 16, 6, 6)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.1)
    h = layer.transform.weights
    t = layer.gate.weights
    computed = getattr(torch, activation)(F.conv2d(x, h.weight, h.bias, padding=1))
    gate = torch.sigmoid(F.conv2d(x, t.weight, t.bias, padding=1))
    with torch.no_grad():
        y = computed * gate + x * (1 - gate)
        assert relative_difference(y, layer(x)) <= 1e-6


def test_a_gate_of_one_half_makes_a_residual_unit_times_one_half():
    """T = 1/2: y = H / 2 + x / 2, so 2 y = H + x; a net of such layers is a residual net scaled."""
    torch.manual_seed(0)
    net = models.build("highway_10_fc_mnist", gate_bias=0.0, num_classes=3).eval()
    for layer in net.stages.stage1:
        nn.init.zeros_(layer.gate.weights.weight)
    images = torch.randn(4, 1, 28, 28)
    x = net.stem(images)
    for layer in net.stages.stage1:
        residual = x + layer.transform(x)
        assert torch.allclose(layer(x), residual / 2, atol=1e-6)
        x = residual / 2
    with torch.no_grad():
        assert relative_difference(net.classifier(x), net(images)) <= 1e-5


def test_an_open_gate_computes_and_a_closed_one_carries():
    torch.manual_seed(0)
    layer = HighwayLayer(nn.Linear(8, 8), Gate(nn.Linear(8, 8)))
    x = torch.randn(3, 8)
    nn.init.constant_(layer.gate.weights.bias, 50.0)
    assert torch.allclose(layer(x), layer.transform(x), atol=1e-5)
    nn.init.constant_(layer.gate.weights.bias, -50.0)
    assert torch.allclose(layer(x), x, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "bias"),
    [("highway_10_fc_mnist", -2), ("highway_10_w16_mnist", -1), ("highway_19_cifar10", -2)],
)
def test_gates_start_closed(name: str, bias: float):
    """-1 and -2 in the released files for 10 and 19 layers."""
    net = models.build(name)
    gates = [m for m in net.modules() if isinstance(m, Gate)]
    assert gates
    for gate in gates:
        assert torch.equal(gate.weights.bias, torch.full_like(gate.weights.bias, bias))
    transforms = [m.transform.weights for m in net.modules() if isinstance(m, HighwayLayer)]
    assert all(not t.bias.any() for t in transforms)


def test_a_hundred_fresh_layers_carry_the_input_and_its_gradient():
    """The more closed the gates, the more; plain layers lose both."""
    nets = {"plain": {}, "highway": {}, "closed": {"gate_bias": -4.0}}
    carried, gradient = {}, {}
    for kind, changes in nets.items():
        torch.manual_seed(0)
        net = models.build(f"{kind if kind == 'plain' else 'highway'}_100_fc_mnist", **changes)
        x = net.stem(torch.randn(64, 1, 28, 28)).detach().requires_grad_()
        y = net.stages(x)
        (y * torch.randn_like(y)).sum().backward()
        carried[kind] = float(y.detach().norm() / x.detach().norm())
        gradient[kind] = float(x.grad.norm() / x.numel() ** 0.5)
    for share in (carried, gradient):
        assert share["plain"] < 1e-12
        assert share["highway"] > 1e9 * share["plain"]
        assert share["closed"] > 0.1


def test_depth_is_the_longest_path():
    with without_weights():
        net = models.build("highway_19_cifar10")
    kinds = [node.kind for node in trace(net, (3, 32, 32)).nodes]
    assert kinds.count("Sigmoid") == kinds.count("sub") == kinds.count("mul") == 14


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("highway_10_fc_mnist", {"layers": "recurrent"}, "Use 'linear' or 'conv'"),
        ("highway_10_fc_mnist", {"activation": "elu"}, "Use 'relu' or 'tanh'"),
        ("highway_10_w16_mnist", {"stem": "7x7"}, "Use '3x3' or '5x5'"),
        ("highway_10_fc_mnist", {"depths": (9, 9)}, "has one stage. Use one number each"),
        ("highway_10_w16_mnist", {"pools": (2, 2)}, "Use one number per stage, and one dropout"),
    ],
)
def test_what_cannot_be_built(name: str, changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build(name, **changes)
