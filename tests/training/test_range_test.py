"""The learning rate range test: its rule against curves whose answer is known."""

import numpy as np
import pytest
import torch

from convatlas.errors import UserError
from convatlas.training._batches import Batch
from convatlas.training._range_test import risen, smooth, steepest

RATES = np.geomspace(1e-4, 10, 151)


@pytest.mark.parametrize("where", [1e-2, 0.1, 1.0])
def test_the_steepest_fall_of_a_logistic_curve_is_at_its_middle(where):
    losses = 2.3 / (1 + np.exp(4 * (np.log10(RATES) - np.log10(where))))
    assert steepest(RATES, losses) == pytest.approx(where, rel=0.05)  # a step is a ratio of 1.08


def test_a_rise_after_the_fall_does_not_count():
    place = np.log10(RATES)
    losses = 2 - 1 / (1 + np.exp(-8 * (place + 2))) + 5 / (1 + np.exp(-8 * (place - 0.5)))
    assert steepest(RATES, losses) == pytest.approx(1e-2, rel=0.1)


def test_losses_that_only_rise_suggest_nothing():
    assert steepest(RATES, np.linspace(2.3, 9.0, len(RATES))) is None


def test_smoothing_keeps_lines_and_moves_nothing():
    line = np.linspace(5.0, 1.0, 101)
    assert smooth(line, 4.0)[20:-20] == pytest.approx(line[20:-20])
    bump = np.zeros(101)
    bump[50] = 1.0
    found = smooth(bump, 3.0)
    assert int(np.argmax(found)) == 50
    assert found[40:51] == pytest.approx(found[50:61][::-1])
    assert found.max() == pytest.approx(1 / (3 * np.sqrt(2 * np.pi)), rel=1e-3)


def test_smoothing_of_constants_gives_them_at_the_ends_too():
    assert smooth(np.full(30, 2.5), 5.0) == pytest.approx(np.full(30, 2.5))


class Descent:
    """Steps of x' = x - rate * x on 1 + x^2, never nearer than 0.1: beyond a rate of 2 x grows."""

    def __init__(self):
        self.x = 1.0

    def backward(self, step, images, labels):
        return 1 + self.x**2

    def move(self, step, rate):
        self.x = max(0.1, abs(self.x - rate * self.x))


class Nothing:
    def make(self, step):
        return Batch(torch.empty(0), torch.empty(0))


def test_it_ends_when_the_loss_explodes():
    """The parabola's loss falls while the rate is below 2 and grows above."""
    rates = np.geomspace(1e-3, 100, 101)
    losses = risen(Descent(), Nothing(), rates, lambda *_: None)
    assert 2 < rates[len(losses) - 1] < 20
    assert 0.1 < rates[int(np.argmin(losses))] <= 2.2
    assert max(losses[-3:]) > 2 * min(losses)


def test_a_loss_that_is_not_finite_from_the_start_is_a_fault():
    net = Descent()
    net.x = float("nan")
    with pytest.raises(UserError, match="--overfit 64"):
        risen(net, Nothing(), RATES, lambda *_: None)
