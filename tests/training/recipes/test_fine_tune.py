"""The recipe for nets that were trained before."""

import pytest

from convatlas.data import Augmentation
from convatlas.training import Length, Situation
from convatlas.training.recipes import find


def plan(images=250, classes=5, has=("norms",), **length):
    situation = Situation(
        variant="net", side=32, images=images, classes=classes, has=frozenset(has),
        augmentation=Augmentation(flip=True),
    )  # fmt: skip
    return find("fine-tune").plan(situation, Length(**length))


@pytest.mark.parametrize(
    ("images", "steps"),
    [
        (50, 78),  # 50 epochs at most: 50 x 50 / 32
        (250, 391),  # the same
        (1000, 400),  # 12.8 epochs
        (32_000, 5000),  # 5 epochs at least
    ],
)
def test_epochs_follow_the_number_of_images(images, steps):
    assert plan(images).steps == steps


def test_the_body_learns_more_slowly_after_a_short_warm_up():
    made = plan()
    assert made.body_rate < 1
    assert made.warmup_share <= 0.1
    assert made.label_smoothing == 0.1
    assert plan(classes=2).label_smoothing == 0.05
    assert made.augmentation == Augmentation(flip=True)


def test_the_rate_follows_the_square_root_of_the_batch():
    assert plan(batch_size=128).learning_rate == pytest.approx(2 * plan().learning_rate)


def test_a_length_that_is_asked_for_is_kept():
    assert plan(steps=7).steps == 7
    assert plan(epochs=2.0).steps == round(2 * 250 / 32)
