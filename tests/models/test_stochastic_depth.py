"""Huang et al. 2016: what runs under stochastic depth, how often, and what evaluation sees."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.errors import UserError
from convatlas.layers import BasicUnit, Survival, survival_probabilities
from tests.papers.stage_table import params
from tests.peers.peer import randomise, relative_difference

IMAGES = torch.randn((4, 3, 8, 8), generator=torch.Generator().manual_seed(0))


def small(name: str = "resnet110_cifar_stochastic_depth", **changes: object) -> nn.Module:
    torch.manual_seed(0)
    net = models.build(name, units_per_stage=2, **changes)
    randomise(net)
    return net


def units(net: nn.Module) -> list[nn.Module]:
    return [unit for stage in net.stages for unit in stage]


def survivals(net: nn.Module) -> list[float]:
    return [m.probability for m in net.modules() if isinstance(m, Survival)]


@pytest.mark.parametrize("units", [3, 50, 54, 75, 600])
@pytest.mark.parametrize("last", [0.2, 0.5, 1.0])
def test_linear_decay_by_its_equation(units: int, last: float):
    """Eq. 4, with p_0 = 1 for the input; the expected depth of Sec. 3."""
    p = survival_probabilities(last, "linear", units)
    assert p[0] == pytest.approx(1 - (1 - last) / units)
    assert p[-1] == pytest.approx(last)
    steps = [a - b for a, b in zip([1, *p], p, strict=False)]
    assert steps == pytest.approx([(1 - last) / units] * units)
    assert sum(p) == pytest.approx(((1 + last) * units - (1 - last)) / 2)
    assert survival_probabilities(last, "uniform", units) == [last] * units
    assert survival_probabilities(None, "linear", units) == [None] * units


@pytest.mark.parametrize(
    ("name", "num_units"),
    [
        ("resnet110_cifar_stochastic_depth", 54),
        ("resnet152_cifar_stochastic_depth", 75),
        ("resnet152_stochastic_depth", 50),
        ("resnet152_v15_stochastic_depth", 50),
        ("resnet50_stochastic_depth", 16),
        pytest.param("resnet1202_cifar_stochastic_depth", 600, marks=pytest.mark.slow),
    ],
)
def test_expected_depth(name: str, num_units: int):
    """(3 L - 1) / 4 for p_L = 0.5: 40 of the 54 units of 110 layers."""
    with without_weights():
        p = survivals(models.build(name))
    assert len(p) == num_units
    assert sum(p) == pytest.approx((3 * num_units - 1) / 4)
    if num_units == 54:
        assert int(sum(p)) == 40
    assert p == sorted(p, reverse=True)


@pytest.mark.parametrize(
    ("uniform", "num_units"),
    [("resnet110_cifar_stochastic_depth_uniform", 54), ("resnet50_stochastic_depth_uniform", 16)],
)
def test_uniform_survival(uniform: str, num_units: int):
    with without_weights():
        assert survivals(models.build(uniform)) == [0.5] * num_units


@pytest.mark.parametrize("name", ["resnet110_cifar", "resnet152_cifar"])
def test_same_layers_as_the_net_of_constant_depth(name: str):
    with without_weights():
        stochastic = models.build(f"{name}_stochastic_depth")
        constant = models.build(f"{name}_constant_depth")
    assert survivals(constant) == []
    assert params(stochastic) == params(constant)
    assert [*stochastic.state_dict()] == [*constant.state_dict()]


def test_a_dropped_unit_is_not_computed():
    """As often as it should be, and nothing of its branch: neither layers nor gradients."""
    net, runs = small(survival=0.3).train(), []
    for number, unit in enumerate(units(net)):
        for layer in (unit.first, unit.second):
            layer.conv.register_forward_hook(lambda *_, number=number: runs.append(number))
    torch.manual_seed(0)
    batches = 400
    with torch.no_grad():
        for _ in range(batches):
            net(IMAGES[:2])
    for number, probability in enumerate(survivals(net)):
        ran = runs.count(number)
        assert ran % 2 == 0  # both layers or none
        deviation = (batches * probability * (1 - probability)) ** 0.5
        assert abs(ran / 2 - batches * probability) <= 4 * deviation
    net(IMAGES).sum().backward()
    runs.clear()
    net.zero_grad(set_to_none=True)
    net(IMAGES).square().sum().backward()
    for number, unit in enumerate(units(net)):
        assert (unit.first.conv.weight.grad is not None) == (number in runs)
    assert 0 < len(set(runs)) < 6


@pytest.mark.parametrize("shortcut", ["average", "A", "B"])
def test_what_passes_a_dropped_unit(shortcut: str):
    """Eq. 2 with b = 0: the rectified shortcut; the identity for a unit that keeps the shape."""
    unit = BasicUnit(4, 4, stride=1, shortcut=shortcut, survival=1e-9).train()
    x = torch.rand(2, 4, 5, 5)
    assert unit(x) is x
    unit = BasicUnit(4, 8, stride=2, shortcut=shortcut, survival=1e-9).train()
    assert torch.equal(unit(x), unit.shortcut(x).relu())
    assert unit(x).shape == (2, 8, 3, 3)


def test_the_papers_transition_averages_and_pads():
    """Sec. 4 and the released code; option A takes every second pixel instead."""
    net = models.build("resnet110_cifar_stochastic_depth", units_per_stage=1)
    x = torch.randn(2, 16, 8, 8)
    y = net.stages.stage2[0].shortcut(x)
    assert torch.allclose(y[:, :16], x.reshape(2, 16, 4, 2, 4, 2).mean((3, 5)), atol=1e-6)
    assert not y[:, 16:].any()
    assert y.shape == (2, 32, 4, 4)
    other = models.build("resnet110_cifar_stochastic_depth", units_per_stage=1, shortcut="A")
    assert torch.equal(other.stages.stage2[0].shortcut(x)[:, :16], x[:, :, ::2, ::2])
    odd = net.stages.stage2[0](torch.rand(1, 16, 7, 7))
    assert odd.shape == (1, 32, 4, 4)


def test_evaluation_scales_every_branch():
    """Eq. 5, unit by unit, without a draw."""
    net = small(survival=0.4).eval()
    before = torch.random.get_rng_state()
    with torch.no_grad():
        x = net.stem(IMAGES)
        for unit, probability in zip(units(net), survivals(net), strict=True):
            x = (probability * unit.branch(x) + unit.shortcut(x)).relu()
        expected = net.classifier(x.mean((2, 3)))
        assert relative_difference(expected, net(IMAGES)) <= 1e-6
    assert torch.equal(before, torch.random.get_rng_state())


def test_evaluation_is_the_mean_of_training():
    """Where nothing is rectified, the net of scaled branches is the mean over all 2^L nets."""
    torch.manual_seed(0)
    chain = nn.Sequential(*(linear_unit(p) for p in (0.9, 0.6, 0.5)))
    x = torch.randn(2, 4, 3, 3)
    mean = torch.zeros_like(x)
    with torch.no_grad():
        for alive in product((True, False), repeat=3):
            y, probability = x, 1.0
            for unit, survives in zip(chain, alive, strict=True):
                p = unit.survival.probability
                probability *= p if survives else 1 - p
                y = y + unit.branch(y) if survives else y
            mean += probability * y
        assert torch.allclose(chain.eval()(x), mean, atol=1e-5)
        chain.train()
        sampled = sum(chain(x) for _ in range(4000)) / 4000
        assert relative_difference(mean, sampled) <= 0.05


def linear_unit(survival: float) -> nn.Module:
    """A unit of the product's kind whose layers are linear."""
    unit = BasicUnit(4, 4, stride=1, shortcut="A", survival=survival)
    unit.first, unit.second = nn.Conv2d(4, 4, 1, bias=False), nn.Identity()
    unit.relu = nn.Identity()
    return unit


@pytest.mark.parametrize("mode", [True, False])
def test_all_surviving_equals_the_plain_net(mode: bool):
    sure, constant = small(survival=1.0), small("resnet110_cifar_constant_depth")
    constant.load_state_dict(sure.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(sure.train(mode)(IMAGES), constant.train(mode)(IMAGES))


def test_one_draw_per_unit_and_mini_batch():
    """The paper's, not one per image: either all images of a batch pass a unit or none."""
    net = small(survival=0.5).train()
    before, drawn = torch.random.get_rng_state(), 6
    with torch.no_grad():
        net(IMAGES)
    after = torch.random.get_rng_state()
    torch.random.set_rng_state(before)
    for _ in range(drawn):
        torch.rand(())
    assert torch.equal(after, torch.random.get_rng_state())


def test_gradients_through_every_pattern():
    """No layer writes into what another still needs, whichever units are dropped."""
    for shortcut in ("average", "A", "B"):
        net = small(shortcut=shortcut, survival=0.5).train()
        for _ in range(8):
            net(IMAGES).square().sum().backward()
    wide = models.build("resnet50_stochastic_depth", depths=(2, 1, 1, 1), width_multiplier=0.25)
    for _ in range(4):
        wide.train()(torch.randn(2, 3, 32, 32)).sum().backward()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("plain20_cifar", {"survival": 0.5}, "survival needs a shortcut"),
        ("plain18", {"survival": 0.5}, "survival needs a shortcut"),
        ("resnet20_cifar", {"survival": 0.0}, "survival=0.0"),
        ("resnet20_cifar", {"survival": 1.5}, "it must be above 0 and at most 1"),
        ("resnet20_cifar", {"survival_rule": "square"}, "Use 'linear' or 'uniform'"),
        ("resnet18", {"survival_rule": "square"}, "Use 'linear' or 'uniform'"),
    ],
)
def test_what_cannot_be_built(name: str, changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        models.build(name, **changes)


def test_survival_is_drawn_from_torchs_generator():
    """So a run's stream of random numbers decides, and a resumed run drops what it would have."""
    net = small(survival=0.5).train()

    def passes(seed: int) -> Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return net(IMAGES)

    assert torch.equal(passes(1), passes(1))
    assert any(not torch.equal(passes(1), passes(seed)) for seed in range(2, 8))
