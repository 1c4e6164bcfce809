"""When validations are due, and on which images."""

import numpy as np

from convatlas.training import Recipe
from convatlas.training._validation import Validation
from tests.training.small import PREPROCESSING, images


def test_validation_is_due_ten_times():
    for steps in (10, 11, 95, 1000):
        validation = Validation(images(10), PREPROCESSING, Recipe(steps=steps))
        due = [step for step in range(steps + 1) if validation.due(step)]
        assert len(due) == 10
        assert due[-1] == steps
    few = Validation(images(10), PREPROCESSING, Recipe(steps=3))
    assert [step for step in range(4) if few.due(step)] == [1, 2, 3]


def test_validation_before_the_end_uses_an_even_selection():
    pixels = images(2000)
    validation = Validation(pixels, PREPROCESSING, Recipe(steps=100, batch_size=64))
    rows = validation.rows(50)
    assert len(rows) == len(set(rows.tolist())) == 256
    assert np.all(np.diff(rows) >= 2000 // 256)
    assert validation.rows(100).tolist() == list(range(2000))
