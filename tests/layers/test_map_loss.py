"""Eq. 9 of LeCun et al. 1998, computed by hand, and what its constant does."""

import math

import pytest
import torch

from convatlas.layers import map_loss


def loss(penalties: list[float], label: int, j: float) -> float:
    """Of one image whose output units have these penalties."""
    return float(map_loss(-torch.tensor([penalties]), torch.tensor([label]), j=j))


def test_two_classes_by_hand():
    # y = (1, 3), the right class is the first, j = 2: 1 + log(e^-2 + e^-1 + e^-3)
    expected = 1 + math.log(0.1353352832 + 0.3678794412 + 0.0497870684)
    assert loss([1.0, 3.0], 0, 2.0) == pytest.approx(expected, rel=1e-6)
    assert loss([1.0, 3.0], 1, 2.0) == pytest.approx(expected + 2, rel=1e-6)


def test_mean_over_images():
    logits = -torch.tensor([[1.0, 3.0], [0.5, 4.0]])
    both = map_loss(logits, torch.tensor([0, 1]), j=2.0)
    assert float(both) == pytest.approx((loss([1, 3], 0, 2) + loss([0.5, 4], 1, 2)) / 2, rel=1e-6)


def test_gradient_pulls_the_right_penalty_down_and_spares_the_large_ones():
    penalties = torch.tensor([[1.0, 3.0, 60.0]], requires_grad=True)
    map_loss(-penalties, torch.tensor([0]), j=2.0).backward()
    right, wrong, far = penalties.grad[0].tolist()
    share = math.exp(-3) / (math.exp(-1) + math.exp(-2) + math.exp(-3))
    assert right > 0 > wrong
    assert wrong == pytest.approx(-share, rel=1e-5)
    assert abs(far) < 1e-20


def test_without_the_constant_it_is_cross_entropy():
    logits, labels = torch.randn(4, 10), torch.tensor([1, 9, 0, 3])
    expected = torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(map_loss(logits, labels, j=1e4), expected)


def test_penalties_as_large_as_the_84_units_give_stay_finite():
    assert loss([336.0] * 10, 0, 1.0) == pytest.approx(335.0)
