"""The parts of a step: learning rate, decay, average, random stream, batches."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from convatlas.data import Augmentation
from convatlas.layers import LearnedGroupConv
from convatlas.models import build
from convatlas.training import Learner, Recipe, has_norm
from convatlas.training._average import Average, newest_share
from convatlas.training._batches import Batches, prefetched
from convatlas.training._learner import seed_of
from convatlas.training._optimizer import make_optimizer
from convatlas.training._schedule import learning_rate
from convatlas.training._validation import Validation
from tests.training.small import PREPROCESSING, RECIPE, images


def test_learning_rate_rises_and_falls():
    recipe = Recipe(learning_rate=0.2, steps=100, warmup_share=0.1)
    rates = [learning_rate(recipe, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[9] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(0.2)
    assert rates[10 + 45] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.1 * (1 + math.cos(math.pi * 89 / 90)))
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@given(st.integers(1, 500), st.floats(0, 1), st.data())
def test_every_step_learns_something(steps, share, data):
    recipe = Recipe(learning_rate=1.0, steps=steps, warmup_share=share)
    assert 0 < learning_rate(recipe, data.draw(st.integers(0, steps - 1))) <= 1


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_biases_and_norms_are_not_decayed(optimizer):
    net = build("resnet8_small")
    groups = make_optimizer(net, Recipe(optimizer=optimizer, weight_decay=0.01)).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert len(decay) == len(list(net.parameters()))
    for name, parameter in net.named_parameters():
        assert decay[id(parameter)] == (0.01 if parameter.ndim > 1 else 0.0), name


def test_a_step_is_nesterov_sgd_by_hand():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
    recipe = Recipe(
        learning_rate=0.1, weight_decay=0.01, warmup_share=0, label_smoothing=0.2, steps=10
    )
    weight = net[1].weight.detach().clone().requires_grad_()
    bias = net[1].bias.detach().clone().requires_grad_()
    learner = Learner(net, recipe)
    momentum = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for step in range(4):
        x = torch.randn(5, 2, 2, 2)
        y = torch.tensor([0, 1, 2, 0, 1])
        learner.learn(step, x, y)
        loss = F.cross_entropy(x.flatten(1) @ weight.T + bias, y, label_smoothing=0.2)
        grads = torch.autograd.grad(loss, (weight, bias))
        with torch.no_grad():
            for part, grad, moved, decay in zip(
                (weight, bias), grads, momentum, (0.01, 0.0), strict=True
            ):
                full = grad + decay * part
                moved.mul_(0.9).add_(full)
                part -= learning_rate(recipe, step) * (full + 0.9 * moved)
    assert torch.allclose(net[1].weight, weight, atol=1e-6)
    assert torch.allclose(net[1].bias, bias, atol=1e-6)


def test_gradients_are_clipped():
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
    learner = Learner(net, replace(RECIPE, gradient_clip=0.01))
    learner.learn(0, 100 * torch.randn(5, 2, 2, 2), torch.tensor([0, 1, 2, 0, 1]))
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in net.parameters()))
    assert norm == pytest.approx(0.01, rel=1e-3)


def test_auxiliary_heads_learn_too():
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = nn.Linear(8, 3)
            self.aux = nn.Linear(8, 3)

        def forward_with_aux(self, x):
            return self.main(x.flatten(1)), [self.aux(x.flatten(1))]

    learner = Learner(TwoHeads(), replace(RECIPE, label_smoothing=0))
    x = torch.randn(5, 2, 2, 2)
    y = torch.tensor([0, 1, 2, 0, 1])
    main, (aux,) = learner.net.forward_with_aux(x)
    expected = F.cross_entropy(main, y) + 0.3 * F.cross_entropy(aux, y)
    assert learner.learn(0, x, y) == pytest.approx(expected.item())
    assert learner.net.aux.weight.grad.abs().sum() > 0


def test_the_average_by_hand():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(net, Recipe(ema_decay=0.9))
    expected = [p.detach().clone() for p in net.parameters()]
    statistics = net[1].running_var.clone()
    for step in range(30):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p))
            net(torch.randn(8, 2))
        average.update(step)
        d = min(0.9, (1 + step) / (10 + step))
        expected = [d * e + (1 - d) * p for e, p in zip(expected, net.parameters(), strict=True)]
        statistics = d * statistics + (1 - d) * net[1].running_var
    for ours, theirs in zip(average.net.parameters(), expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
        assert not ours.requires_grad
    assert torch.allclose(average.net[1].running_var, statistics, atol=1e-5)
    assert average.net[1].num_batches_tracked == 30
    assert not average.net.training


def test_decay_is_warmed_up():
    slow = Recipe(ema_decay=0.999)
    assert newest_share(slow, 0) == pytest.approx(0.9)
    assert newest_share(slow, 90) == pytest.approx(0.09)
    assert newest_share(slow, 10**6) == pytest.approx(0.001)
    assert newest_share(Recipe(ema_decay=0.0), 50) == 1.0


def test_no_average_is_the_last_weights(tmp_path):
    learner = Learner(build("resnet8_small", in_channels=1), replace(RECIPE, ema_decay=0.0))
    learner.learn(0, torch.randn(4, 1, 32, 32), torch.arange(4))
    for ours, theirs in zip(
        learner.average.net.parameters(), learner.net.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_seeds_of_steps_are_all_different():
    seeds = {seed_of(seed, step) for seed in range(20) for step in range(500)}
    assert len(seeds) == 20 * 500


def test_has_norm():
    assert has_norm(build("resnet8_small"))
    assert not has_norm(build("lenet5_small"))


@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 5))
def test_every_image_comes_once_an_epoch(n, batch_size, seed):
    recipe = Recipe(batch_size=batch_size, seed=seed)
    batches = Batches(images(n), PREPROCESSING, recipe)
    steps = 3 * n // math.gcd(n, batch_size)
    names = [name for step in range(steps) for name in batches.names(step)]
    assert len(names) == steps * batch_size
    for epoch in range(len(names) // n):
        part = names[epoch * n : (epoch + 1) * n]
        assert set(Counter(part).values()) == {1}


def test_every_epoch_has_an_order_of_its_own():
    batches = Batches(images(50), PREPROCESSING, Recipe(batch_size=50))
    orders = {tuple(batches.names(epoch)) for epoch in range(20)}
    assert len(orders) == 20
    assert len({tuple(batches.make(epoch).labels.tolist()) for epoch in range(20)}) == 20


def test_a_batch_depends_on_its_step_alone():
    recipe = Recipe(batch_size=16, seed=1, augmentation=Augmentation(flip=True, shift=0.25))
    pixels = images(50)
    inorder = Batches(pixels, PREPROCESSING, recipe)
    for step in range(20):
        batch = inorder.make(step)
        again = Batches(pixels, PREPROCESSING, recipe).make(step)
        assert torch.equal(batch.images, again.images)
        assert torch.equal(batch.labels, again.labels)
        named = [int(name.split("/")[1]) for name in inorder.names(step)]
        assert batch.labels.tolist() == named
        assert batch.images.shape == (16, 1, 8, 8)


def test_prefetching_keeps_the_order_and_passes_errors_on():
    def make(key):
        if key == 7:
            raise ZeroDivisionError
        return key * 10

    got = []
    with pytest.raises(ZeroDivisionError), prefetched(make, range(10)) as values:  # noqa: PT012  what comes before the error counts
        for value in values:
            got.append(value)
    assert got == [0, 10, 20, 30, 40, 50, 60]


def test_prefetching_makes_no_more_than_two_ahead():
    made = []
    with prefetched(lambda key: made.append(key), range(100)) as values:
        next(values)
    assert len(made) <= 3


def test_validation_is_due_ten_times():
    for steps in (10, 11, 95, 1000):
        validation = Validation(images(10), PREPROCESSING, Recipe(steps=steps))
        due = [step for step in range(steps + 1) if validation.due(step)]
        assert len(due) == 10
        assert due[-1] == steps
    few = Validation(images(10), PREPROCESSING, Recipe(steps=3))
    assert [step for step in range(4) if few.due(step)] == [1, 2, 3]


def test_validation_before_the_end_uses_an_even_selection():
    pixels = images(2000)
    validation = Validation(pixels, PREPROCESSING, Recipe(steps=100, batch_size=64))
    rows = validation.rows(50)
    assert len(rows) == len(set(rows.tolist())) == 256
    assert np.all(np.diff(rows) >= 2000 // 256)
    assert validation.rows(100).tolist() == list(range(2000))


def _condensing(**changes: float) -> Learner:
    torch.manual_seed(0)
    net = build(
        "condensenet50", depths=(1, 1), growth_rates=(8, 8), input_side=8, in_channels=1,
        num_classes=3,
    )  # fmt: skip
    return Learner(net, Recipe(learning_rate=0.05, steps=8, batch_size=6, **changes))


def _taught(learner: Learner, steps: range) -> Learner:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        images = torch.randn(6, 1, 8, 8, generator=generator)
        learner.learn(step, images, torch.tensor([0, 1, 2, 0, 1, 2]))
    return learner


def test_a_net_condenses_in_the_first_half_and_is_taken_up_again_bit_for_bit():
    whole = _taught(_condensing(), range(8))
    first = _taught(_condensing(), range(3))
    stages = {int(m.stage) for m in first.net.modules() if isinstance(m, LearnedGroupConv)}
    assert stages == {1}  # in the middle of condensing
    again = _condensing()
    again.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    _taught(again, range(3, 8))
    others = again.tensors()
    assert all(torch.equal(tensor, others[name]) for name, tensor in whole.tensors().items())
    for net in (whole.net, whole.average.net):
        learned = [m for m in net.modules() if isinstance(m, LearnedGroupConv)]
        assert learned
        assert all(m.mask.float().mean() == 0.25 for m in learned)


def test_the_group_lasso_is_part_of_the_loss():
    with_it, without = (_taught(_condensing(group_lasso=w), range(2)) for w in (1e-2, 0.0))
    weights = [learner.net.stages.block1[0].learned.conv.weight for learner in (with_it, without)]
    assert not torch.equal(*weights)
