"""Every optimizer against its formula on single numbers, and its state through a checkpoint."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from convatlas.models import build
from convatlas.training import Learner, Recipe
from convatlas.training._optimizer import make_optimizer, set_learning_rate
from tests.training.small import RECIPE

RATES = [0.1, 0.1, 0.04, 0.02, 0.02, 0.3]  # constant, falling, rising


class Net(nn.Module):
    """One parameter of each kind that a recipe treats in its own way."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Conv2d(2, 2, 1)
        self.depthwise = nn.Conv2d(2, 2, 3, groups=2)
        self.norm = nn.BatchNorm2d(2)
        self.classifier = nn.Linear(2, 2)
        self.aux = nn.ModuleDict({"middle": nn.Linear(2, 2)})


def sgd(w, g, rate, state, r):
    """torch.optim.SGD's documentation, no dampening."""
    v = state["v"] = r.momentum * state["v"] + g if "v" in state else g
    return w - rate * (g + r.momentum * v if r.nesterov else v)


def sgd_inside(w, g, rate, state, r):
    """AlexNet's section 5; its decay term -0.0005 e w is that of g."""
    v = state["v"] = r.momentum * state.get("v", 0.0) - rate * g
    return w + v


def rmsprop(w, g, rate, state, r):
    """TensorFlow's ApplyRMSProp: ms, mom."""
    s = state["s"] = state.get("s", 1.0) * r.squares + (1 - r.squares) * g * g
    v = state["v"] = r.momentum * state.get("v", 0.0) + rate * g / math.sqrt(s + r.epsilon)
    return w - v


def adam(w, g, rate, state, r):
    """Algorithm 1 of Adam's paper (arXiv:1412.6980)."""
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = r.momentum * state.get("m", 0.0) + (1 - r.momentum) * g
    s = state["s"] = r.squares * state.get("s", 0.0) + (1 - r.squares) * g * g
    m, s = m / (1 - r.momentum**t), s / (1 - r.squares**t)
    return w - rate * m / (math.sqrt(s) + r.epsilon)


FORMULAS = {"sgd": sgd, "sgd_inside": sgd_inside, "rmsprop": rmsprop, "adam": adam, "adamw": adam}


def decay_of(name, recipe):
    """The weight decay of a parameter of `Net` by the recipe's words."""
    if name == "depthwise.weight" and recipe.decay_depthwise is not None:
        return recipe.decay_depthwise
    spared = name.endswith(".bias") or name.startswith("norm.")
    return recipe.decay_spared if spared else recipe.weight_decay


def moved_by_hand(w, g, rate, state, recipe, decay):
    if recipe.optimizer == "adamw":  # decay beside the gradient
        return adam(w * (1 - rate * decay), g, rate, state, recipe)
    return FORMULAS[recipe.optimizer](w, g + decay * w, rate, state, recipe)


@pytest.mark.parametrize("optimizer", FORMULAS)
@pytest.mark.parametrize(
    "changes",
    [
        {"nesterov": True, "weight_decay": 0.0},
        {"nesterov": False, "weight_decay": 0.1, "decay_spared": 0.03, "decay_depthwise": 0.0},
        {"nesterov": True, "weight_decay": 0.1, "decay_depthwise": 0.02, "body_rate": 0.25},
        {"nesterov": True, "weight_decay": 0.2, "momentum": 0.0, "epsilon": 1.0, "squares": 0.5},
    ],
    ids=["plain", "decays", "body", "no-momentum"],
)
def test_six_steps_by_hand(optimizer, changes):
    torch.manual_seed(0)
    net = Net().double()  # so that only the formula can differ
    recipe = Recipe(optimizer=optimizer, learning_rate=0.1, **changes)
    made = make_optimizer(net, recipe)
    expected = {name: p.detach().flatten().tolist() for name, p in net.named_parameters()}
    states = {name: [{} for _ in values] for name, values in expected.items()}
    for step, rate in enumerate(RATES):
        set_learning_rate(made, rate)
        for name, parameter in net.named_parameters():
            if (step, name.split(".")[0]) in ((0, "norm"), (2, "dense")):  # nothing moves or ages
                parameter.grad = None
                continue
            parameter.grad = torch.randn_like(parameter)
            head = name.startswith(("classifier.", "aux."))
            own = rate if head else rate * recipe.body_rate
            decay = decay_of(name, recipe)
            expected[name] = [
                moved_by_hand(w, g, own, state, recipe, decay)
                for w, g, state in zip(
                    expected[name], parameter.grad.flatten().tolist(), states[name], strict=True
                )
            ]
        made.step()
    for name, parameter in net.named_parameters():
        assert parameter.flatten().tolist() == pytest.approx(expected[name], rel=1e-10), name


def test_rmsprop_s_first_two_steps_in_figures():
    """w = 1, g = 2 then -1, rho 0.9, momentum 0.5, epsilon 0.7, rates 0.1 and 0.2, no decay."""
    net = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(net.weight, 1.0)
    made = make_optimizer(
        net,
        Recipe(optimizer="rmsprop", squares=0.9, momentum=0.5, epsilon=0.7, weight_decay=0.0),
    )
    for gradient, rate, expected in (
        # s = 0.9 + 0.1 x 4 = 1.3, s + 0.7 = 2: w = 1 - 0.2 / sqrt(2)
        (2.0, 0.1, 1 - 0.1 * math.sqrt(2)),
        # s = 1.17 + 0.1 = 1.27; v = 0.05 sqrt(2) - 0.2 / sqrt(1.97)
        (-1.0, 0.2, 1 - 0.15 * math.sqrt(2) + 0.2 / math.sqrt(1.97)),
    ):
        set_learning_rate(made, rate)
        net.weight.grad = torch.full_like(net.weight, gradient)
        made.step()
        assert net.weight.item() == pytest.approx(expected, rel=1e-12)


def _two(recipe):
    """The same weight under AlexNet's rule and torch's."""
    nets = [nn.Linear(1, 1, bias=False).double() for _ in range(2)]
    for net in nets:
        nn.init.constant_(net.weight, 1.0)
    inside = make_optimizer(nets[0], replace(recipe, optimizer="sgd_inside"))
    outside = torch.optim.SGD(
        nets[1].parameters(), lr=0.1, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    return nets, inside, outside


def test_the_rate_inside_the_velocity_matters_only_when_it_changes():
    recipe = Recipe(momentum=0.9, weight_decay=0.01)
    (ours, theirs), inside, outside = _two(recipe)

    def step(gradient, rate):
        for net, optimizer in ((ours, inside), (theirs, outside)):
            net.weight.grad = torch.full_like(net.weight, gradient)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()

    for gradient in (1.0, -2.0, 0.5, 3.0):
        step(gradient, 0.1)
        assert ours.weight.item() == pytest.approx(theirs.weight.item(), rel=1e-12)
    buffer = outside.state[theirs.weight]["momentum_buffer"].item()
    step(0.0, 0.01)
    # inside, the old velocity -0.1 b moves on at the old rate; outside 0.9 b counts 0.01 only
    gap = -0.9 * buffer * (0.1 - 0.01)
    assert (ours.weight - theirs.weight).item() == pytest.approx(gap, rel=1e-9)
    assert abs(gap) > 0.1


@pytest.mark.parametrize("optimizer", FORMULAS)
def test_biases_and_norms_are_not_decayed(optimizer):
    net = build("mobilenet_v1_small")
    recipe = Recipe(optimizer=optimizer, weight_decay=0.01, decay_depthwise=0.002)
    groups = make_optimizer(net, recipe).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert len(decay) == sum(len(group["params"]) for group in groups)
    assert len(decay) == len(list(net.parameters()))
    depthwise = {
        id(m.weight) for m in net.modules() if isinstance(m, nn.Conv2d) and m.groups > 1
    }  # this net has no other groups
    assert depthwise
    for name, parameter in net.named_parameters():
        expected = 0.002 if id(parameter) in depthwise else 0.01 if parameter.ndim > 1 else 0.0
        assert decay[id(parameter)] == expected, name


def test_a_net_s_body_learns_at_its_share():
    net = build("resnet8_small")
    groups = make_optimizer(net, Recipe(learning_rate=0.2, body_rate=0.1)).param_groups
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    for name, parameter in net.named_parameters():
        expected = 0.2 if name.startswith("classifier.") else 0.02
        assert rates[id(parameter)] == pytest.approx(expected), name


def batch(step):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6) % 3


def small_net():
    torch.manual_seed(0)
    return build("resnet8_small", input_side=8, in_channels=1, num_classes=3, width_multiplier=0.25)


def test_frozen_norms_stay_as_they_are():
    net = small_net()
    norms = {
        f"{name}.{key}": tensor.clone()
        for name, module in net.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for key, tensor in module.state_dict().items()
    }
    others = {name: t.clone() for name, t in net.state_dict().items() if name not in norms}
    assert norms
    learner = Learner(net, replace(RECIPE, norms="frozen", optimizer="adam", decay_spared=0.1))
    for step in range(3):
        learner.learn(step, *batch(step))
    after = net.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in norms.items())
    assert not any(torch.equal(after[name], tensor) for name, tensor in others.items())
    # they normalise by their statistics: an image's output is the same in any company
    images, _ = batch(9)
    assert torch.allclose(net(images)[:1], net(images[:1]), atol=1e-6)  # other sums, other rounding


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.0}, {"norms": "frozen", "body_rate": 0.1}])
@pytest.mark.parametrize("optimizer", FORMULAS)
def test_the_state_goes_through_a_checkpoint_bit_for_bit(optimizer, changes):
    recipe = replace(RECIPE, optimizer=optimizer, learning_rate=0.01, **changes)
    whole = Learner(small_net(), recipe)
    for step in range(3):
        whole.learn(step, *batch(step))
    kept = {name: tensor.contiguous().clone() for name, tensor in whole.tensors().items()}
    again = Learner(small_net(), recipe)
    again.learn(0, *batch(7))  # a state of its own, to be replaced
    again.restore(kept)
    for step in range(3, 6):
        for learner in (whole, again):
            learner.learn(step, *batch(step))
    others = again.tensors()
    assert set(others) == set(whole.tensors())
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, others[name]), name
    keys = {"sgd": 1, "sgd_inside": 1, "rmsprop": 2, "adam": 3, "adamw": 3}[optimizer]
    if optimizer == "sgd" and recipe.momentum == 0:
        keys = 0
    learned = sum(p.requires_grad for p in whole.net.parameters())
    assert sum(name.startswith("optimizer/") for name in others) == keys * learned


def test_without_its_state_an_optimizer_goes_elsewhere():
    """The test above can fail: the state is what makes it pass."""
    recipe = replace(RECIPE, optimizer="rmsprop", learning_rate=0.01)
    whole, again = (Learner(small_net(), recipe) for _ in range(2))
    for step in range(2):
        whole.learn(step, *batch(step))
    again.restore({n: t.clone() for n, t in whole.tensors().items() if "optimizer/" not in n})
    for learner in (whole, again):
        learner.learn(2, *batch(2))
    assert not torch.equal(whole.net.classifier.weight, again.net.classifier.weight)
