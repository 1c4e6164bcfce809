"""Stochastic depth and its kin: how often, what is computed, and what evaluation sees."""

import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import trace
from convatlas.errors import UserError
from convatlas.layers import SampleDrop, Survival


class Unit(nn.Module):
    """A residual unit that counts how often its branch runs."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.survival = Survival(probability)
        self.branch = nn.Conv2d(2, 2, 1, bias=False)
        self.runs = 0
        self.branch.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.runs += 1

    def forward(self, x: Tensor) -> Tensor:
        if self.survival.drops(x):
            return x
        return x + self.survival(self.branch(x))


def test_a_dropped_branch_is_not_computed():
    torch.manual_seed(0)
    unit, x = Unit(0.3).train(), torch.randn(4, 2, 3, 3)
    unchanged = sum(torch.equal(unit(x), x) for _ in range(1000))
    assert unit.runs == 1000 - unchanged
    assert 250 <= unit.runs <= 350  # 3.4 standard deviations of 300


def test_one_draw_for_the_whole_mini_batch():
    torch.manual_seed(0)
    unit, x = Unit(0.5).train(), torch.randn(8, 2, 3, 3)
    for _ in range(20):
        same = (unit(x) == x).flatten(1).all(1)
        assert same.all() or not same.any()


def test_evaluation_scales_by_the_probability():
    unit, x = Unit(0.3).eval(), torch.randn(4, 2, 3, 3)
    before = torch.random.get_rng_state()
    assert torch.allclose(unit(x), x + 0.3 * unit.branch(x))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_trace_keeps_the_branch():
    unit = Unit(0.01).train()
    state = torch.get_rng_state()
    assert "branch" in [node.name for node in trace(unit, (2, 3, 3)).nodes]
    assert torch.equal(torch.get_rng_state(), state)


def test_images_are_dropped_one_by_one_and_the_mean_stays():
    torch.manual_seed(0)
    drop = SampleDrop(0.8).train()
    y = drop(torch.ones(5000, 1, 2, 2)).flatten(1)
    assert (y == y[:, :1]).all()
    assert set(y[:, 0].tolist()) == {0.0, 1.25}
    assert abs(float(y.mean()) - 1) < 0.03
    assert torch.equal(drop.eval()(y.view(-1, 1, 2, 2)), y.view(-1, 1, 2, 2))


@pytest.mark.parametrize("kind", [Survival, SampleDrop])
@pytest.mark.parametrize("value", [0.0, -0.1, 1.1])
def test_impossible_probabilities(kind, value):
    with pytest.raises(UserError, match=rf"survival={value}; it must be above 0 and at most 1"):
        kind(value)
