"""Which part is cut, and how it is resized."""

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Augmentation, augment, resized
from convatlas.data.augmentation import Box, Boxes, Draw, cut
from tests.data.images import noise

WAYS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
RESIZED = Augmentation(crop_area=(0.08, 1.0))


def boxes(augmentation, side, n, seed=0, epoch=0):
    return Boxes(augmentation, side, Draw(np.arange(n), seed, epoch))


@pytest.mark.parametrize(("width", "height"), [(500, 375), (333, 500), (64, 64), (7, 5)])
def test_crops_of_a_random_area_lie_inside_and_keep_their_bounds(width, height):
    drawn = boxes(RESIZED, 224, 500)
    found = [drawn.box(place, width, height) for place in range(500)]
    for left, top, wide, high in found:
        assert 0 <= left <= left + wide <= width
        assert 0 <= top <= top + high <= height
        if min(width, height) > 50:  # rounding to pixels aside
            assert 0.75 * 0.95 < wide / high < 4 / 3 * 1.05
            assert 0.07 < wide * high / (width * height) <= 1
    assert len(set(found)) > 100 or width < 10


def test_areas_are_uniform_and_shapes_as_often_wide_as_tall():
    """A box of at most 1/9 of a square fits with any aspect: nothing is drawn again."""
    drawn = boxes(Augmentation(crop_area=(0.01, 0.11)), 8, 4000)
    found = np.array([drawn.box(place, 1000, 1000) for place in range(4000)])
    areas = found[:, 2] * found[:, 3] / 1e6
    deciles = np.quantile(areas, np.arange(0.1, 1, 0.1))
    assert abs(deciles - np.linspace(0.02, 0.10, 9)).max() < 0.004  # 4 standard errors
    shapes = np.log(found[:, 2] / found[:, 3])
    assert abs((shapes > 0).mean() - 0.5) < 0.035
    assert abs(np.quantile(shapes, 0.75) - np.log(4 / 3) / 2) < 0.02
    places = found[:, 0] / (1000 - found[:, 2])
    assert abs(np.quantile(places, [0.25, 0.5, 0.75]) - [0.25, 0.5, 0.75]).max() < 0.035


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (400, 10, Box((400 - 13) // 2, 0, 13, 10)),  # round(10 * 4 / 3)
        (10, 400, Box(0, (400 - 13) // 2, 10, 13)),  # round(10 / (3 / 4))
        (12, 10, Box(0, 0, 12, 10)),  # of an allowed shape: the whole
    ],
)
def test_after_ten_crops_that_do_not_fit_the_middle_is_taken(width, height, box):
    whole = Augmentation(crop_area=(0.999, 1.0)) if width == 12 else Augmentation(crop_area=(1, 1))
    found = [boxes(whole, 8, 60, seed).box(59, width, height) for seed in range(20)]
    assert box in found
    if width != 12:
        assert set(found) == {box}


def test_short_side_is_drawn_from_whole_numbers_both_ends_included():
    drawn = boxes(Augmentation(short_side=(8 / 8, 11 / 8)), 8, 600)
    short = set()
    for place in range(600):
        left, top, wide, high = drawn.box(place, 90, 60)
        side = 60 * 8 / high
        short.add(round(side, 6))
        assert wide / 90 == pytest.approx(8 / round(90 * round(side) / 60))
        assert -1e-9 <= left <= 90 - wide + 1e-9
        assert -1e-9 <= top <= 60 - high + 1e-9
    assert short == {8, 9, 10, 11}


def test_a_fixed_short_side_is_a_crop_of_the_resized_image():
    """VGG's S: within a grey level, since Pillow rounds the weights of a box by themselves."""
    image = noise(131, 97)
    pixels = np.asarray(image)
    drawn = boxes(Augmentation(short_side=(256 / 224, 256 / 224)), 56, 40)
    whole = np.asarray(image.resize((round(131 * 64 / 97), 64), Image.Resampling.BILINEAR))
    seen = set()
    for place in range(40):
        box = drawn.box(place, 131, 97)
        left, top = round(box.left * 86 / 131), round(box.top * 64 / 97)
        ours = cut(pixels, box, 56, "bilinear").astype(int)
        assert abs(ours - whole[top : top + 56, left : left + 56]).max() <= 1
        seen.add((top, left))
    assert len(seen) > 20


@pytest.mark.parametrize("interpolation", WAYS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_cut_is_pillows_crop_and_resize(interpolation, channels):
    """At most one grey level from it: torch's weights have fewer bits."""
    image = noise(180, 130, channels)
    pixels = np.asarray(image).reshape(130, 180, channels)
    worst = off = 0
    for box in (
        (0, 0, 180, 130),
        (11, 7, 100, 90),
        (50, 50, 32, 32),
        (3, 90, 20, 40),
        (9, 9, 20, 25),
    ):
        left, top, wide, high = box
        part = image.crop((left, top, left + wide, top + high))
        part = part.resize((32, high), WAYS[interpolation])  # across before down, as torch
        part = part.resize((32, 32), WAYS[interpolation])
        ours = cut(pixels, Box(*box), 32, interpolation).astype(int)
        difference = abs(ours - np.asarray(part).reshape(32, 32, channels))
        worst, off = max(worst, difference.max()), off + (difference > 0).mean() / 5
    assert worst <= 1
    assert off < 0.1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [5, 16, 24, 31, 48])
def test_resized_batches_are_pillows(channels, side):
    images = [noise(32, 32, channels, seed) for seed in range(4)]
    batch = np.stack([np.asarray(image).reshape(32, 32, channels) for image in images])
    batch.flags.writeable = False
    ours = resized(batch, side).astype(int)
    theirs = [np.asarray(image.resize((side, side), WAYS["bilinear"])) for image in images]
    assert ours.shape == (4, side, side, channels)
    assert abs(ours - np.stack(theirs).reshape(ours.shape)).max() <= 1
    assert resized(batch, 32) is batch


def test_squares_are_cropped_and_resized():
    batch = np.stack([np.asarray(noise(40, 40, seed=seed)) for seed in range(6)])
    where = {"seed": 3, "epoch": 2, "indices": np.arange(6) + 100}
    ours = augment(batch, RESIZED, 24, **where)
    drawn = Boxes(RESIZED, 24, Draw(where["indices"], 3, 2))
    for place, pixels in enumerate(batch):
        expected = cut(pixels, drawn.box(place, 40, 40), 24, "bilinear")
        assert np.array_equal(ours[place], expected)
    enlarged = augment(batch, RESIZED, 64, **where)
    assert enlarged.shape == (6, 64, 64, 3)
