"""The sheet shows exactly the pixels that training sees."""

import numpy as np
import pytest

from convatlas.data import Augmentation, StoredPixels, centre, contact_sheet
from convatlas.errors import UserError
from tests.data.images import noise

CLASSES = ("one", "two, with a name much longer than the column of names has room for", "none")
SEEN = Augmentation(flip=True, shift=0.1, cutout=0.3)


def pixels_of(n=8, stored=36, channels=3):
    images = [np.asarray(noise(stored, stored, channels, seed)) for seed in range(n)]
    return StoredPixels(
        labels=np.arange(n) % 2,
        names=[str(number) for number in range(n)],
        images=np.stack(images).reshape(n, stored, stored, channels),
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_what_training_sees_in_larger_pixels(channels):
    pixels = pixels_of(channels=channels)
    sheet = np.asarray(contact_sheet(pixels, CLASSES, SEEN, 32, images=2, epochs=3, seed=5))
    tile, left, top = 96, 170, 66
    for label in (0, 1):
        rows = np.flatnonzero(pixels.labels == label)[:2]
        columns = [centre(pixels.batch(rows), 32)]
        columns += [pixels.changed(rows, SEEN, 32, seed=5, epoch=epoch) for epoch in range(3)]
        for number in (0, 1):
            for column, images in enumerate(columns):
                x = left + number * (4 * (tile + 4) + 16) + column * (tile + 4)
                y = top + label * (tile + 4)
                shown = sheet[y : y + tile, x : x + tile]
                assert (shown[::3, ::3] == images[number]).all()
                assert (shown[1::3, 2::3] == images[number]).all()
    empty = sheet[top + 2 * (tile + 4) :, left:]
    assert (empty == 250).all()  # a class without images
    names = sheet[top : top + 3 * (tile + 4), : left - 4]
    assert all((names[row * 100 : row * 100 + 100] < 200).any() for row in range(3))
    assert (sheet[:, left - 4 : left][top:] == 250).all()  # long names are cut


def test_many_classes_are_shown_at_equal_distances():
    pixels = pixels_of(60)
    labels = np.arange(60)
    every = StoredPixels(labels=labels, names=pixels.names, images=pixels.images)
    classes = [f"class {number}" for number in range(60)]
    sheet = contact_sheet(every, classes, Augmentation(), 32, images=1, epochs=1)
    assert sheet.size == (170 + 2 * 100 + 16, 66 + 20 * 100)
    first = np.asarray(sheet)[66 + 100 :: 3, 170::3][:32, :32]
    assert (first == centre(pixels.batch(np.array([3])), 32)[0]).all()


def test_what_cannot_be_shown():
    with pytest.raises(UserError, match="A sheet of 0 images by 4 epochs is empty"):
        contact_sheet(pixels_of(), CLASSES, SEEN, 32, images=0)
    with pytest.raises(UserError, match=r"A sheet of \d+ x \d+ pixels is too large"):
        contact_sheet(pixels_of(), CLASSES, SEEN, 32, epochs=4000)
