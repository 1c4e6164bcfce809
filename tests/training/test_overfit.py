"""Overfitting: a few images of every class, and nothing that keeps a net from knowing them."""

import numpy as np
import pytest
import torch
from torch import nn

from convatlas.data import Augmentation
from convatlas.layers import SampleDrop, Survival
from convatlas.training import Overfit, Recipe
from convatlas.training._dry_run import first_steps
from convatlas.training._overfit import accuracy, bare, certain
from convatlas.training._schedule import learning_rate
from convatlas.training._subset import some_of, spread
from tests.training.small import PREPROCESSING, images


def test_a_subset_gives_its_images_with_their_labels_and_names():
    whole = images(50)
    some = some_of(whole, 10)
    rows = spread(whole.labels, 10)
    assert len(some) == 10
    assert some.names == [whole.names[row] for row in rows]
    assert np.array_equal(some.labels, whole.labels[rows])
    assert np.array_equal(some.batch(np.array([0, 3, 9])), whole.images[rows[[0, 3, 9]]])


@pytest.mark.parametrize(
    ("labels", "count", "expected"),
    [
        ([0, 0, 0, 0, 1, 1, 1, 1], 2, [0, 4]),
        ([0, 0, 0, 0, 1, 1, 1, 1], 4, [0, 2, 4, 6]),
        ([0, 0, 0, 0, 0, 0, 0, 1], 3, [0, 3, 7]),  # the small class has no more
        ([0, 1], 9, [0, 1]),
        ([2, 5, 2, 5], 3, [0, 1, 2]),
    ],
)
def test_few_images_are_of_all_classes_in_turn(labels, count, expected):
    assert spread(np.array(labels), count).tolist() == expected


def test_nothing_is_dropped_any_more():
    net = certain(nn.Sequential(nn.Dropout(0.9), Survival(0.1), SampleDrop(0.1))).train()
    x = torch.ones(64, 8, 2, 2)
    assert torch.equal(net(x), x)
    assert not any(net[1].drops(x) for _ in range(100))


def test_the_recipe_loses_its_regularisers_and_keeps_how_weights_move():
    recipe = Recipe(
        augmentation=Augmentation(flip=True), mixup=0.2, label_smoothing=0.1, weight_decay=0.1,
        decay_spared=0.1, decay_depthwise=0.1, optimizer="adamw", learning_rate=0.003, momentum=0.8,
        first_side=0.5, ema_decay=0.99, sampler="balanced", class_weights="inverse",
    )  # fmt: skip
    found = bare(recipe)
    assert (found.optimizer, found.learning_rate, found.momentum) == ("adamw", 0.003, 0.8)
    assert found.augmentation == Augmentation()
    assert (found.mixup, found.label_smoothing, found.weight_decay) == (0, 0, 0)
    assert (found.decay_spared, found.decay_depthwise, found.ema_decay) == (0, None, 0)
    assert (found.first_side, found.sampler, found.class_weights) == (1, "shuffled", "none")


def test_a_dry_run_steps_at_the_first_rate_with_full_images():
    recipe = Recipe(steps=200, warmup_share=0.1, learning_rate=0.4, first_side=0.5)
    found = first_steps(recipe)
    assert found.steps == 3
    assert [learning_rate(found, step) for step in range(3)] == [pytest.approx(0.4 / 20)] * 3
    assert found.first_side == 1.0


class Guess(nn.Module):
    """Says class 2 to everything."""

    def forward(self, x):
        return torch.tensor([0.0, 0.0, 1.0, 0.0]).expand(len(x), 4)


def test_accuracy_is_the_share_of_right_answers():
    some = some_of(images(50), 50)
    share = 100 * float((some.labels == 2).mean())
    assert accuracy(Guess(), some, PREPROCESSING) == pytest.approx(share)


@pytest.mark.parametrize(
    ("accuracy", "training", "loss", "words"),
    [
        (99.0, 99.0, 0.1, "can learn"),
        (98.9, 98.9, 1.5, "at fault"),
        (60.0, 99.5, 0.1, "running statistics lag behind"),
        (10.0, 10.0, None, "not finite in step 40"),
    ],
)
def test_the_verdict(accuracy, training, loss, words):
    found = Overfit(
        images=64, steps=40, accuracy=accuracy, training_accuracy=training, first_loss=2.3,
        loss=loss,
    )  # fmt: skip
    assert words in found.verdict
    assert found.learned is (accuracy >= 99)
