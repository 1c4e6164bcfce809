"""Images at every side that candidates ask for."""

import numpy as np
import pytest
from PIL import Image

from convatlas.data import (
    Augmentation,
    Material,
    StoredPixels,
    augmentation_for,
    open_dataset,
)
from convatlas.data._decoded import DecodedPixels
from convatlas.errors import UserError
from tests.data.images import write_folder

COUNTS = {"ant": 12, "bee": 12}


def silent(phase, done, total):
    """Progress that nobody looks at."""


def material(root, cache, **options):
    dataset = open_dataset(str(write_folder(root, COUNTS, **options)))
    return Material(dataset, cache, threads=1, progress=silent)


def test_statistics_are_of_the_training_images_and_the_same_at_every_side(tmp_path):
    made = material(tmp_path / "data", tmp_path / "cache", side=16)
    first, second = made.preprocessing(16), made.preprocessing(8)
    train = made.dataset.train
    pixels = np.stack([np.asarray(train.image(i)) for i in range(len(train))]) / 255
    np.testing.assert_allclose(first.mean, pixels.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(first.std, pixels.std((0, 1, 2)), atol=1e-6)
    assert (first.mean, first.std) == (second.mean, second.std)
    assert (first.side, second.side) == (16, 8)
    assert first.channels == second.channels == 3


def test_pixels_are_those_of_the_split_at_that_side(tmp_path):
    made = material(tmp_path / "data", tmp_path / "cache", side=16)
    for name, split in zip(("train", "val", "test"), made.dataset.splits, strict=True):
        native, small = made.pixels(name, 16), made.pixels(name, 8)
        assert list(native.names) == list(split.names)
        np.testing.assert_array_equal(native.labels, split.labels)
        np.testing.assert_array_equal(native.batch(np.array([1]))[0], np.asarray(split.image(1)))
        assert small.batch(np.array([0, 1])).shape == (2, 8, 8, 3)


def test_another_split_is_refused(tmp_path):
    made = material(tmp_path / "data", tmp_path / "cache")
    with pytest.raises(UserError, match="No split named 'all'"):
        made.pixels("all", 8)


def test_images_are_decoded_once_even_over_processes(tmp_path):
    def decoded():
        """The files of decoded images; one that is written again is another file."""
        return {(file.name, file.stat().st_ino) for file in (tmp_path / "cache").glob("*.npy")}

    material(tmp_path / "data", tmp_path / "cache", side=16).pixels("val", 8)
    first = decoded()
    assert sorted(name.split("-")[0] for name, _ in first) == ["train", "val"]
    made = material(tmp_path / "data", tmp_path / "cache", side=16)
    made.pixels("val", 8)
    made.pixels("train", 16)
    assert decoded() == first
    made.pixels("train", 8)
    assert len(decoded() - first) == 1


@pytest.mark.parametrize(("side", "share", "stored"), [(64, 1.0, 32), (65, 0.875, 37)])
def test_photos_are_cropped_from_larger_ones(tmp_path, side, share, stored):
    made = material(tmp_path / "data", tmp_path / "cache", side=side)
    preprocessing = made.preprocessing(32)
    assert preprocessing.crop_share == share
    assert preprocessing.stored_side == stored
    assert made.pixels("test", 32).batch(np.array([0])).shape == (1, stored, stored, 3)


def test_grey_images_have_one_channel(tmp_path):
    made = material(tmp_path / "data", tmp_path / "cache", channels=1)
    preprocessing = made.preprocessing(8)
    assert preprocessing.channels == len(preprocessing.mean) == len(preprocessing.std) == 1
    assert made.pixels("train", 8).batch(np.array([0])).shape == (1, 8, 8, 1)


def test_images_of_one_colour_can_be_normalised(tmp_path):
    for number, name in enumerate(["ant", "bee"]):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(12):
            image = Image.new("RGB", (8 + number, 8 + i), (0, 0, 0))
            image.save(tmp_path / "data" / name / f"{i}.png")
    dataset = open_dataset(str(tmp_path / "data"))
    made = Material(dataset, tmp_path / "cache", threads=1, progress=silent)
    assert min(made.preprocessing(8).std) > 0


def test_augmentation_is_that_of_the_data(tmp_path):
    made = material(tmp_path / "data", tmp_path / "cache")
    assert made.augmentation == augmentation_for(made.dataset)


def test_only_what_keeps_the_class_is_done(tmp_path):
    def advice(name, **options):
        return augmentation_for(open_dataset(str(write_folder(tmp_path / name, COUNTS, **options))))

    assert augmentation_for(open_dataset("digits")) == Augmentation(
        rotate=10.0, scale=0.1, shift=1 / 8
    )
    assert advice("grey", channels=1, side=28) == Augmentation(rotate=10.0, scale=0.1, shift=1 / 14)
    assert advice("colour", side=32) == Augmentation(flip=True, shift=1 / 8)
    assert advice("photos", side=96) == Augmentation(flip=True, scale=0.15)
    assert advice("x-rays", channels=1, side=96) == Augmentation(flip=False, scale=0.15)


def test_crops_of_a_random_size_are_cut_from_whole_images(tmp_path):
    """Unless the stored squares are all of the images there is."""
    crops = Augmentation(crop_area=(0.1, 1.0))
    made = material(tmp_path / "small", tmp_path / "cache", side=16)
    assert isinstance(made.pixels("train", 16, crops), StoredPixels)
    assert isinstance(made.pixels("train", 12, crops), DecodedPixels)
    assert isinstance(made.pixels("train", 12, Augmentation(shift=0.1)), StoredPixels)
    whole, stored = (made.pixels("train", side, crops) for side in (12, 16))
    assert whole.net_side == 12
    where = {"seed": 0, "epoch": 0}
    rows = np.arange(len(stored))
    assert np.array_equal(
        whole.changed(rows, crops, 12, **where), stored.changed(rows, crops, 12, **where)
    )
    for number, path in enumerate(sorted((tmp_path / "small").rglob("*.png"))):
        with Image.open(path) as image:
            image.resize((16, 16 + number % 2)).save(path)  # no longer squares
    dataset = open_dataset(str(tmp_path / "small"))
    longer = Material(dataset, tmp_path / "cache", threads=1, progress=silent)
    assert isinstance(longer.pixels("train", 16, crops), DecodedPixels)
