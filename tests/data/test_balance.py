"""Class weights by hand, and what a balanced order promises."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import balanced_order, class_weights
from convatlas.errors import UserError

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def labels_of(sizes, seed=0):
    labels = np.repeat(np.arange(len(sizes)) * 3, sizes)  # classes without images between
    return np.random.default_rng(seed).permutation(labels)


def test_inverse_weights_by_hand():
    labels = np.repeat([0, 1, 2], [10, 30, 60])
    # 1/10, 1/30, 1/60: each class's images weigh 1 in all, so the mean image weighs 3/100
    weights = class_weights(labels, 3, "inverse")
    assert weights.tolist() == pytest.approx([10 / 3, 10 / 9, 5 / 9])


def test_effective_number_by_hand():
    labels = np.repeat([0, 1, 2], [1, 2, 3])
    # E_n = (1 - 0.999^n) / 0.001: 1, 1.999, 2.997001; images weigh 1, 2 / 1.999, 3 / 2.997001
    e = [1, 1.999, 2.997001]
    mean = (1 + 2 / 1.999 + 3 / 2.997001) / 6
    weights = class_weights(labels, 3, "effective")
    assert weights.tolist() == pytest.approx([1 / n / mean for n in e], rel=1e-9)


def test_effective_number_stops_falling_where_classes_are_large():
    labels = np.repeat([0, 1, 2], [50, 20_000, 40_000])
    inverse, effective = (class_weights(labels, 3, kind) for kind in ("inverse", "effective"))
    assert inverse[1] / inverse[2] == pytest.approx(2)
    assert effective[1] / effective[2] == pytest.approx(1, abs=1e-6)
    # E_50 = 48.79, E of many = 1000
    assert effective[0] / effective[2] == pytest.approx(1000 / 48.794, rel=1e-3)


@given(SIZES)
def test_the_mean_image_weighs_one_and_a_larger_class_never_more(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    for kind in ("inverse", "effective"):
        weights = class_weights(labels, len(sizes), kind)
        assert weights[labels].mean() == pytest.approx(1)
        assert (np.diff(weights[np.argsort(sizes, kind="stable")]) <= 1e-12).all()


def test_a_class_without_images_has_no_weight():
    with pytest.raises(UserError, match="No image to train on has class number 1: it has no"):
        class_weights(np.array([0, 2]), 3, "inverse")


@given(SIZES, st.integers(0, 2**40), st.integers(0, 10_000))
def test_every_class_equally_often(sizes, seed, epoch):
    labels = labels_of(sizes)
    found = balanced_order(labels, seed=seed, epoch=epoch)
    assert len(found) == len(labels)
    counts = Counter(labels[found].tolist())
    assert set(counts) == set(labels.tolist()) or len(labels) < len(sizes)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert np.array_equal(found, balanced_order(labels, seed=seed, epoch=epoch))


@given(SIZES, st.integers(0, 100), st.integers(0, 50))
def test_no_image_of_a_class_comes_twice_oftener_than_another(sizes, seed, epochs):
    """From the first epoch on, at the end of any: the images of a class differ by one at most."""
    labels = labels_of(sizes)
    seen = np.zeros(len(labels), int)
    for epoch in range(epochs % 7 + 1):
        np.add.at(seen, balanced_order(labels, seed=seed, epoch=epoch), 1)
        for label in np.unique(labels):
            assert np.ptp(seen[labels == label]) <= 1


def test_the_places_left_over_go_round():
    labels = labels_of([10, 1, 1])  # 12 = 3 x 4
    odd = labels_of([10, 2, 1])  # 13: one place is left
    per_epoch = [
        Counter(odd[balanced_order(odd, seed=1, epoch=epoch)].tolist()) for epoch in range(3)
    ]
    assert [max(counts, key=counts.get) for counts in per_epoch] == [0, 3, 6]
    assert Counter(labels[balanced_order(labels, seed=1, epoch=0)].tolist()) == {0: 4, 3: 4, 6: 4}


def test_seeds_and_epochs_differ_and_classes_are_mixed():
    labels = np.repeat([0, 1], [900, 100])
    first = balanced_order(labels, seed=0, epoch=0)
    for seed, epoch in ((1, 0), (0, 1)):
        again = balanced_order(labels, seed=seed, epoch=epoch)
        assert (first == again).mean() < 0.05
    runs = np.diff(labels[first]).astype(bool).sum() + 1
    assert 400 < runs < 600  # of a random mixture: 500 +- 16
    rare = np.sort(first[labels[first] == 1])
    assert np.array_equal(rare, np.repeat(np.arange(900, 1000), 5))
    assert len(set(first[labels[first] == 0].tolist())) == 500  # none twice


def test_a_million_images_of_a_thousand_unequal_classes():
    labels = np.repeat(np.arange(1000), [1] * 999 + [999_001])
    found = balanced_order(labels, seed=0, epoch=123_456)
    assert (np.bincount(labels[found]) == 1000).all()
