"""Complementary, balance and loose complementary condition: proposals, checks, counted paths."""

from math import log, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.analysis.design_rules import (
    check_complementary,
    composition,
    ideal_layers,
    sparse_block,
    super_channels,
)
from convatlas.errors import UserError


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 600), st.sampled_from([1, 3, 5]))
def test_a_proposal_meets_the_condition_near_the_bound(channels, kernel):
    block = sparse_block(channels, kernel_size=kernel)
    assert prod(block.branches) == channels == block.channels
    check_complementary(channels, block.branches)
    assert block.weights >= block.bound * (1 - 1e-12)
    assert all(k > 1 for k in block.branches[1:])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 3))
def test_paths_as_matrices_multiply(branches, factor):
    """Ones in the blocks, permutations between: the product counts paths."""
    channels = prod(branches) * factor
    product = np.eye(channels)
    for k in branches:
        blocks = np.kron(np.eye(channels // k), np.ones((k, k)))
        order = [g * k + i for i in range(k) for g in range(channels // k)]
        product = (blocks @ product)[order]
    found = composition(channels, branches)
    assert found.non_sparsity == pytest.approx((product > 0).mean())
    assert (found.fewest_paths, found.most_paths) == (product.min(), product.max())
    assert (found.fewest_paths == found.most_paths == 1) == (factor == 1)
    assert found.non_sparsity == pytest.approx(1 / factor)


def test_numbers_of_the_notes():
    """C = 64, L = 3: K = (1, 8, 8), 1,600 weights, bound 1597.5; ln(9 C) = 6.36; C = 128: 7.05."""
    block = sparse_block(64, layers=3)
    assert (block.branches, block.weights, round(block.bound, 1)) == ((1, 8, 8), 1600, 1597.5)
    assert round(ideal_layers(64), 2) == 6.36
    assert round(ideal_layers(128), 2) == 7.05
    assert ideal_layers(64) == pytest.approx(log(9 * 64))
    least = min(range(1, 12), key=lambda layers: 64 * layers * (9 * 64) ** (1 / layers))
    assert least == 6


def test_balance_wins():
    """(1, 4, 4, 4) and (1, 2, 2, 2, 2, 2, 2) need 1,344 weights; fewer layers are taken."""
    assert sparse_block(64).branches == (1, 4, 4, 4)
    assert sparse_block(64).weights == 64 * (9 + 12)
    assert sparse_block(48, layers=2).branches == (2, 24)  # IGCV1 with M = 2, L = 24


def test_more_paths_than_one_and_fewer():
    assert composition(64, (1, 8, 8, 8)).fewest_paths == 8
    assert composition(64, (1, 8)).non_sparsity == 1 / 8
    star = composition(416, (1, 8, 8, 8))
    assert (star.non_sparsity, star.fewest_paths, star.most_paths) == (1, 1, 2)


def test_what_does_not_fit():
    with pytest.raises(UserError, match=r"branches=\(1, 8\) multiply to 8, not to channels=64"):
        check_complementary(64, (1, 8))
    with pytest.raises(UserError, match=r"Use \(1, 4, 4, 4\)"):
        check_complementary(64, (8, 8, 8))
    with pytest.raises(UserError, match=r"layers=9 does not fit channels=64: .* Use 7 or less"):
        sparse_block(64, layers=9)
    with pytest.raises(UserError, match="channels=0; it must be a whole number from 1"):
        sparse_block(0)
    with pytest.raises(UserError, match="branches=5 does not divide 64 channels"):
        composition(64, (1, 5))


@pytest.mark.parametrize(
    ("groups", "count", "dense", "complementary"),
    [((2, 2), 4, True, True), ((2, 2), 2, False, False), ((4, 4), 16, True, True),
     ((4, 4), 32, True, False), ((4, 4), 4, False, False), ((2, 4), 8, True, True)],
)  # fmt: skip
def test_super_channels(groups, count, dense, complementary):
    found = super_channels(*groups, count=count)
    assert (found.dense, found.complementary) == (dense, complementary)
    assert super_channels(*groups).complementary
    assert super_channels(*groups).count == groups[0] * groups[1]


def test_super_channels_that_groups_do_not_divide():
    with pytest.raises(UserError, match="groups2=4 does not divide 6 channels"):
        super_channels(2, 4, count=6)
