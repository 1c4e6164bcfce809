"""Hashed randomness: published values, permutations, no visible pattern."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import order
from convatlas.data._random import mixed, uniform, words


def test_splitmix64_published_sequence():
    # The first outputs of SplitMix64 from state 1234567, as in Rosetta Code's test.
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + i * golden) % 2**64 for i in range(3)], np.uint64)
    assert mixed(states).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip


@given(st.integers(0, 300), st.integers(-(2**70), 2**70), st.integers(0, 10**6))
def test_order_is_a_permutation(n, seed, epoch):
    permutation = order(n, seed=seed, epoch=epoch)
    assert permutation.dtype == np.int64
    assert sorted(permutation.tolist()) == list(range(n))
    assert np.array_equal(permutation, order(n, seed=seed, epoch=epoch))


def test_order_changes_with_seed_and_epoch():
    orders = {tuple(order(50, seed=s, epoch=e).tolist()) for s in range(5) for e in range(5)}
    assert len(orders) == 25


def test_uniform_is_uniform_along_indices_epochs_and_streams():
    indices = np.arange(20_000)
    by_index = uniform(words(indices, seed=0, epoch=0, stream=0))
    by_epoch = [uniform(words(indices[:1], seed=0, epoch=e, stream=0))[0] for e in range(5000)]
    by_stream = [uniform(words(indices[:1], seed=0, epoch=0, stream=s))[0] for s in range(5000)]
    for sample in (by_index, np.array(by_epoch), np.array(by_stream)):
        counts = np.histogram(sample, bins=10, range=(0, 1))[0] / len(sample)
        assert abs(counts - 0.1).max() < 0.02
        assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < 0.05
