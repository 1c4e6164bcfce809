"""Colour jitter and shifts along principal components."""

from itertools import permutations
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from convatlas.data import Augmentation, augment
from convatlas.data.augmentation import Draw
from convatlas.data.augmentation._colours import shift_colours
from tests.data.images import noise

BASIS = ((0.3, 0.2, 0.1), (0.0, 0.04, -0.02), (0.001, -0.002, 0.003))


def changed(batch, augmentation, seed=0, epoch=0):
    indices = np.arange(len(batch))
    return augment(batch, augmentation, batch.shape[1], seed=seed, epoch=epoch, indices=indices)


def repeated(image, n):
    return np.repeat(np.asarray(image)[None], n, axis=0)


def test_one_kind_of_jitter_is_pillows_at_a_factor_within_bounds():
    """Every result equals Pillow's at some factor of a fine grid, within a grey level."""
    image = noise(12, 12)
    for name, enhancer in (
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ):
        grid = np.linspace(0.6, 1.4, 801)
        table = np.stack([np.asarray(enhancer(image).enhance(f)) for f in grid]).astype(int)
        found = []
        for one in changed(repeated(image, 60), Augmentation(**{name: 0.4})):
            distance = abs(table - one).max((1, 2, 3))
            assert distance.min() <= 1
            found.append(grid[distance.argmin()])
        assert min(found) < 0.7
        assert max(found) > 1.3
        assert abs(np.mean(found) - 1) < 0.1


def test_jitter_beyond_one_starts_at_zero():
    bright = np.full((300, 2, 2, 3), 100, np.uint8)
    levels = changed(bright, Augmentation(brightness=1.5))[:, 0, 0, 0]
    assert levels.min() < 10
    assert levels.max() > 230  # of at most 250


def test_the_order_of_operations_is_drawn_and_each_order_comes():
    """With brightness x 2 and grey, two orders give two results for a pixel that saturates."""
    image = np.asarray(noise(4, 4))
    augmentation = Augmentation(brightness=0.5, contrast=0.5, saturation=0.5)
    draw = Draw(np.arange(600), 0, 0)
    numbers = [0.5 + draw.uniform(60 + stream) for stream in range(3)]
    steps = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    results = changed(repeated(image, 600), augmentation)
    counts = dict.fromkeys(permutations(range(3)), 0)
    for place, one in enumerate(results):
        fitting = []
        for order in counts:
            expected = Image.fromarray(image)
            for step in order:
                expected = steps[step](expected).enhance(numbers[step][place])
            if np.array_equal(one, np.asarray(expected)):
                fitting.append(order)
        assert fitting, place
        if len(fitting) == 1:
            counts[fitting[0]] += 1
    alone = np.array(list(counts.values()))
    assert alone.min() > 0.5 * alone.max() > 10


def test_grey_images_keep_saturation_and_hue():
    batch = np.stack([np.asarray(noise(8, 8, 1, seed))[..., None] for seed in range(4)])
    assert np.array_equal(changed(batch, Augmentation(saturation=0.9, hue=0.5)), batch)


def test_colours_move_together_along_the_components():
    batch = np.full((3000, 2, 2, 3), 128, np.uint8)
    shift_colours(batch, 0.1, BASIS, Draw(np.arange(3000), 0, 0))
    assert (batch == batch[:, :1, :1]).all()  # one shift per image
    moved = (batch[:, 0, 0].astype(float) - 128) / 255
    covariance = np.cov(moved.T)
    expected = 0.01 * np.array(BASIS).T @ np.array(BASIS)
    assert covariance == pytest.approx(expected, abs=0.1 * expected[0, 0])  # 4 standard errors
    assert abs(moved.mean(0)).max() < 4 * 0.03 / 3000**0.5


def test_shares_are_normal_numbers():
    """The largest distance from the normal distribution of 4000 numbers: 0.031 in 1 of 1000."""
    batch = np.full((4000, 1, 1, 3), 128, np.uint8)
    shift_colours(batch, 1.0, ((20 / 255, 0, 0), (0, 20 / 255, 0), (0, 0, 20 / 255)), _draw(4000))
    for channel in range(3):
        moved = np.sort((batch[:, 0, 0, channel].astype(float) - 128) / 20)
        below = np.searchsorted(moved, moved, side="right") / 4000
        normal = [NormalDist().cdf(value + 0.5 / 20) for value in moved]  # levels are whole
        assert abs(below - normal).max() < 0.031


def _draw(n):
    return Draw(np.arange(n), 0, 0)


def test_a_shift_by_hand():
    """Rounded to whole levels, the same for every pixel, cut at 0 and 255."""
    rows = ((4 / 255, -4 / 255, 0.0), (0, 0, 0), (0, 0, 0))
    images = np.zeros((200, 1, 3, 3), np.uint8)
    images[:] = [[[100, 100, 100], [254, 254, 254], [1, 1, 1]]]
    shift_colours(images, 1.0, rows, Draw(np.arange(200), 5, 1))
    moved = images[:, 0, 0].astype(int) - 100
    assert (moved[:, 0] == -moved[:, 1]).mean() > 0.99  # but for exact halves
    assert (moved[:, 2] == 0).all()
    assert (images[:, 0, 1, 0] == np.minimum(255, 254 + moved[:, 0])).all()
    assert (images[:, 0, 2, 0] == np.maximum(0, 1 + moved[:, 0])).all()
    assert 3.2 < moved[:, 0].std() < 4.8


def test_grey_images_move_by_the_luminance_of_the_shift():
    draw = Draw(np.arange(50), 0, 0)
    colours, grey = np.full((50, 1, 1, 3), 128, np.uint8), np.full((50, 1, 1, 1), 128, np.uint8)
    shift_colours(colours, 0.2, BASIS, draw)
    shift_colours(grey, 0.2, BASIS, draw)
    expected = (colours[:, 0, 0] @ np.array([0.299, 0.587, 0.114])).round()
    assert abs(grey[:, 0, 0, 0] - expected).max() <= 1  # of each of two roundings a half
    assert grey.std() > 2
