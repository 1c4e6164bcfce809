"""Training crops cut from whole images in files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Augmentation, Preprocessing, UnreadableImages, _jpeg, open_dataset
from convatlas.data._prepare import decoded, prepare
from convatlas.data.augmentation import Boxes, Draw
from tests.data.images import noise

CROPS = Augmentation(crop_area=(0.1, 1.0))
JITTER = Augmentation(short_side=(1.2, 2.0))
ALL = Augmentation(
    crop_area=(0.08, 1.0), flip=True, flip_rule="random", shift=0.1, rotate=10.0, scale=0.1,
    rand_augment=(2, 9), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, pca_colour=0.1,
    erase=0.5, cutout=0.3,
)  # fmt: skip
PREPROCESSING = Preprocessing(side=48, channels=3, mean=(0,) * 3, std=(1,) * 3, crop_share=0.75)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """JPEGs and PNGs of many shapes, one grey."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(24):
        place = root / ("a" if number % 2 else "b")
        place.mkdir(exist_ok=True)
        image = noise(90 + 13 * number, 300 - 9 * number, 1 if number == 5 else 3, seed=number)
        image.save(place / f"{number:02d}.{'png' if number % 7 == 3 else 'jpg'}")
    return root


@pytest.fixture(scope="module")
def split(folder):
    return open_dataset(str(folder)).train


def pixels_of(split, threads=2):
    return decoded(split, PREPROCESSING, threads=threads)


def opened(folder, name):
    with Image.open(folder / name) as image:
        return image.convert("RGB")


def test_crops_are_pillows_crops_of_the_file(folder, split):
    """Within a grey level: see `cut`."""
    rows = np.arange(len(split))
    ours = pixels_of(split).changed(rows, CROPS, 32, seed=4, epoch=7)
    assert ours.shape == (len(rows), 32, 32, 3)
    boxes = Boxes(CROPS, 32, Draw(rows, 4, 7))
    for row in rows:
        image = opened(folder, split.names[row])
        left, top, wide, high = boxes.box(row, *image.size)
        part = image.crop((left, top, left + wide, top + high))
        part = part.resize((32, 32), Image.Resampling.BILINEAR)
        assert abs(ours[row].astype(int) - np.asarray(part)).max() <= 1


def test_jitter_is_pillows_resize_and_crop(folder, split):
    """Within a grey level: the weights of a box are rounded by themselves."""
    rows = np.arange(len(split))
    ours = pixels_of(split).changed(rows, JITTER, 40, seed=0, epoch=1)
    boxes = Boxes(JITTER, 40, Draw(rows, 0, 1))
    shorts = set()
    for row in rows:
        image = opened(folder, split.names[row])
        box = boxes.box(row, *image.size)
        wide, high = round(image.width * 40 / box.width), round(image.height * 40 / box.height)
        left, top = round(box.left * wide / image.width), round(box.top * high / image.height)
        whole = np.asarray(image.resize((wide, high), Image.Resampling.BILINEAR)).astype(int)
        assert abs(ours[row] - whole[top : top + 40, left : left + 40]).max() <= 1
        shorts.add(min(wide, high))
    assert min(shorts) < 56
    assert max(shorts) > 72


@pytest.mark.parametrize("augmentation", [CROPS, JITTER, ALL, replace(ALL, scaled_decoding=True)])
def test_an_image_is_the_same_in_every_batch_and_with_any_number_of_threads(split, augmentation):
    where = {"seed": 2, "epoch": 3}
    rows = np.arange(len(split))
    together = pixels_of(split).changed(rows, augmentation, 32, **where)
    mixed = np.random.default_rng(0).permutation(rows)
    with_others = pixels_of(split, threads=3).changed(mixed, augmentation, 32, **where)
    assert np.array_equal(with_others, together[mixed])
    for row in rows[:5]:
        alone = pixels_of(split, threads=1).changed(rows[row : row + 1], augmentation, 32, **where)
        assert np.array_equal(alone[0], together[row])
    for other in ({"seed": 3, "epoch": 3}, {"seed": 2, "epoch": 4}):
        assert not np.array_equal(
            pixels_of(split).changed(rows, augmentation, 32, **other), together
        )


def test_squares_are_those_of_prepared_images(split, tmp_path):
    rows = np.arange(len(split))
    stored = prepare(split, PREPROCESSING, cache=tmp_path)
    assert np.array_equal(pixels_of(split).batch(rows), stored.batch(rows))
    plain = Augmentation(flip=True, shift=0.1)
    for side in (48, 24):
        ours, theirs = (
            pixels.changed(rows, plain, side, seed=0, epoch=0)
            for pixels in (pixels_of(split), stored)
        )
        assert np.array_equal(ours, theirs)


def test_a_smaller_side_sees_smaller_images_not_smaller_parts(split, tmp_path):
    """Side 24 of nets of 48: squares of 64 become squares of 32."""
    rows = np.arange(4)
    stored = prepare(split, PREPROCESSING, cache=tmp_path)
    found = stored.changed(rows, Augmentation(), 24, seed=0, epoch=0)
    for row in rows:
        square = Image.fromarray(stored.batch(rows[row : row + 1])[0])
        half = np.asarray(square.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
        distances = [
            abs(half[top : top + 24, left : left + 24] - found[row]).max()
            for top in range(9)
            for left in range(9)
        ]
        assert min(distances) <= 1


def test_grey_nets_see_pillows_grey(folder, split):
    grey = replace(PREPROCESSING, channels=1, mean=(0.0,), std=(1.0,))
    rows = np.arange(6)
    ours = decoded(split, grey, threads=1).changed(rows, CROPS, 16, seed=0, epoch=0)
    boxes = Boxes(CROPS, 16, Draw(rows, 0, 0))
    for row in rows:
        image = opened(folder, split.names[row]).convert("L")
        left, top, wide, high = boxes.box(row, *image.size)
        part = image.crop((left, top, left + wide, top + high))
        part = part.resize((16, 16), Image.Resampling.BILINEAR)
        assert abs(ours[row, ..., 0].astype(int) - np.asarray(part)).max() <= 1


@pytest.mark.parametrize("scaled", [False, True])
def test_both_decoders_give_the_same_crops(split, monkeypatch, scaled):
    pytest.importorskip("simplejpeg")
    rows = np.arange(len(split))
    augmentation = replace(CROPS, scaled_decoding=scaled)
    ours = pixels_of(split).changed(rows, augmentation, 16, seed=1, epoch=0)
    monkeypatch.setattr(_jpeg, "_decoder", lambda: None)
    assert np.array_equal(pixels_of(split).changed(rows, augmentation, 16, seed=1, epoch=0), ours)


def test_scaled_decoding_keeps_the_place_of_a_crop(tmp_path):
    """On a slope of colours a crop moved by one pixel of the copy, 2 to 8, would be 1.3 off."""
    y, x = np.mgrid[0:301, 0:403]
    slope = np.stack([x * 255 / 402, y * 255 / 300, 255 - x * 255 / 402], axis=-1).astype(np.uint8)
    for number in range(8):
        place = tmp_path / ("a" if number % 2 else "b")
        place.mkdir(exist_ok=True)
        Image.fromarray(slope).save(place / f"{number}.jpg", quality=98 - number)
    split = open_dataset(str(tmp_path)).train
    rows = np.arange(len(split))
    seen = 0
    for epoch in range(4):
        exact, scaled = (
            pixels_of(split).changed(
                rows, replace(CROPS, scaled_decoding=asked), 16, seed=1, epoch=epoch
            )
            for asked in (False, True)
        )
        assert abs(exact.astype(int) - scaled).mean((1, 2, 3)).max() < 0.6
        seen += not np.array_equal(exact, scaled)
    assert seen == 4


def test_crops_too_small_for_a_scaled_copy_are_decoded_whole(split):
    rows = np.arange(len(split))
    exact, scaled = (
        pixels_of(split).changed(rows, replace(CROPS, scaled_decoding=asked), 200, seed=1, epoch=0)
        for asked in (False, True)  # no image has 2 x 200 pixels each way
    )
    assert np.array_equal(exact, scaled)


def test_images_that_became_unreadable_are_named_all_at_once(tmp_path):
    for number in range(12):
        place = tmp_path / ("a" if number % 2 else "b")
        place.mkdir(exist_ok=True)
        noise(30, 40, seed=number).save(place / f"{number}.jpg")
    split = open_dataset(str(tmp_path)).train
    pixels = pixels_of(split)
    Path(tmp_path / split.names[2]).write_bytes(b"no image")
    Path(tmp_path / split.names[4]).unlink()
    rows = np.array([5, 4, 0, 2])
    asked = {"seed": 0, "epoch": 0}
    for ask in (
        lambda: pixels.batch(rows),
        lambda: pixels.changed(rows, CROPS, 24, **asked),
        lambda: pixels.changed(rows, replace(CROPS, scaled_decoding=True), 24, **asked),
        lambda: pixels.changed(rows, Augmentation(flip=True), 48, **asked),
    ):
        with pytest.raises(UnreadableImages, match="now are not: ") as told:
            ask()
        assert told.value.rows == (4, 2)
        assert told.value.names == (split.names[4], split.names[2])
        assert told.value.reasons[0] == "no such file or directory"
        assert told.value.reasons[1].startswith("no image in an allowed format")
    left = np.array([5, 0])
    assert len(pixels.changed(left, CROPS, 24, **asked)) == 2


def test_many_unreadable_images_are_counted():
    error = UnreadableImages(range(5), list("abcde"), ["gone"] * 5)
    assert "'a': gone; 'b': gone; 'c': gone; and 2 more. Open the data set again" in str(error)
