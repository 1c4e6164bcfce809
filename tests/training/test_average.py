"""Averaged weights: both rules by hand, and what is averaged."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from convatlas.models import build
from convatlas.training import Learner, Recipe
from convatlas.training._average import Average, newest_share
from tests.training.small import RECIPE


def moved(net):
    """A net after a step: other weights, other statistics."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p))
    net(torch.randn(8, 2, dtype=torch.float64))


def test_an_exponential_average_by_hand():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).double()
    average = Average(net, Recipe(ema_decay=0.9))
    followed = [*net.parameters(), net[1].running_mean, net[1].running_var]
    expected = [p.detach().clone() for p in followed]
    for step in range(100):
        moved(net)
        average.update(step)
        d = min(0.9, (1 + step) / (10 + step))  # 0.1, 2/11, ... 0.9 from step 80 on
        expected = [d * e + (1 - d) * p for e, p in zip(expected, followed, strict=True)]
    ours = [*average.net.parameters(), average.net[1].running_mean, average.net[1].running_var]
    for one, other in zip(ours, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)
        assert not one.requires_grad
    assert average.net[1].num_batches_tracked == 100  # a count is not averaged
    assert not average.net.training


@pytest.mark.parametrize(("start", "first"), [(0.0, 0), (0.5, 5), (0.25, 2)])
def test_a_uniform_average_is_the_mean_from_its_start_on(start, first):
    """0.25 of 10 steps is step 2: halves are rounded to the even step."""
    net = nn.Linear(3, 1)
    average = Average(net, Recipe(average="uniform", average_from=start, steps=10))
    seen = []
    for step in range(10):
        with torch.no_grad():
            net.weight.copy_(torch.randn_like(net.weight))
        seen.append(net.weight.detach().clone())
        average.update(step)
        wanted = torch.stack(seen[first:]).mean(0) if step >= first else seen[-1]
        assert torch.allclose(average.net.weight, wanted, atol=1e-6)


def test_the_decay_is_warmed_up():
    slow = Recipe(ema_decay=0.999)
    assert newest_share(slow, 0) == pytest.approx(0.9)
    assert newest_share(slow, 90) == pytest.approx(0.09)
    assert newest_share(slow, 8989) == pytest.approx(9 / 8999)  # the last below the decay
    assert newest_share(slow, 8991) == pytest.approx(0.001)
    assert newest_share(Recipe(ema_decay=0.0), 50) == 1.0


@given(st.sampled_from(["ema", "uniform"]), st.integers(0, 10**6), st.floats(0, 0.999))
def test_the_newest_weights_never_count_for_nothing(kind, step, share):
    recipe = Recipe(average=kind, average_from=share, ema_decay=share, steps=10**6)
    assert 0 < newest_share(recipe, step) <= 1


def test_no_average_is_the_last_weights():
    learner = Learner(build("resnet8_small", in_channels=1), replace(RECIPE, ema_decay=0.0))
    learner.learn(0, torch.randn(4, 1, 32, 32), torch.arange(4))
    ours, theirs = learner.average.net.state_dict(), learner.net.state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
