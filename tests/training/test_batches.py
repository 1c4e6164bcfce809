"""The batch of every step: orders, and batches made ahead."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import Augmentation
from convatlas.training import Recipe
from convatlas.training._batches import Batches, prefetched
from tests.training.small import PREPROCESSING, images


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


def test_a_balanced_batch_shows_each_class_equally_often():
    labels = np.repeat(np.arange(4), [60, 20, 12, 4])
    pixels = replace(images(96), labels=labels.astype(np.int64))
    recipe = Recipe(batch_size=16, sampler="balanced", seed=2)
    batches = Batches(pixels, PREPROCESSING, recipe)
    epochs = [
        Counter(label for step in range(6 * e, 6 * e + 6) for label in _labels(batches, step))
        for e in range(3)
    ]
    assert epochs == [Counter({0: 24, 1: 24, 2: 24, 3: 24})] * 3
    seen = Counter(name for step in range(30) for name in batches.names(step))
    largest = [seen[name] for name, label in zip(pixels.names, labels, strict=True) if label == 0]
    assert set(largest) == {2}  # 5 epochs have 120 places of the largest class, of 60 images
    alone = Batches(pixels, PREPROCESSING, recipe).make(17)
    assert torch.equal(alone.images, batches.make(17).images)


def _labels(batches, step):
    return batches.make(step).labels.tolist()
