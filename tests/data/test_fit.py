"""Resizing and the centre: what Pillow gives, bit for bit, the same for one file as for a split."""

from dataclasses import replace
from io import BytesIO
from random import Random

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Preprocessing, centre, load_image, open_dataset, prepare
from convatlas.data._fit import fit, fit_whole
from convatlas.data._picture import Picture
from convatlas.errors import UserError
from tests.data.images import encoded, noise, write_folder


def resized_and_cropped(image, side):
    """The definition, computed the long way."""
    short = min(image.size)
    width, height = (max(side, round(length * side / short)) for length in image.size)
    whole = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=None)
    left, top = (width - side) // 2, (height - side) // 2
    return np.asarray(whole.crop((left, top, left + side, top + side)))


def test_equals_pillows_resize_and_a_centre_crop():
    random = Random(1)
    equal = 0
    for number in range(400):
        width, height, side = (random.randint(1, 90) for _ in range(3))
        image = noise(width, height, random.choice([1, 3]), number)
        channels = 1 if image.mode == "L" else 3
        fitted = fit(Picture(image, image.mode), side, channels)
        long_way = resized_and_cropped(image, side).reshape(side, side, channels)
        difference = abs(fitted.astype(int) - long_way).max()
        assert difference <= (max(width, height) > 3.9 * min(width, height)), (width, height, side)
        equal += difference == 0
    assert equal > 300


def test_photo_sizes():
    for width, height, side in [(500, 375, 256), (375, 500, 256), (640, 427, 73), (333, 500, 224)]:
        image = noise(width, height)
        assert np.array_equal(fit(Picture(image, "RGB"), side, 3), resized_and_cropped(image, side))


def test_bicubic_and_whole_images():
    for width, height, side in [(500, 375, 256), (40, 90, 64), (64, 64, 64), (64, 80, 64)]:
        image = noise(width, height)
        short = min(width, height)
        size = tuple(max(side, round(length * side / short)) for length in image.size)
        for name, way in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
            resized = np.asarray(image.resize(size, way))
            assert np.array_equal(fit_whole(Picture(image, "RGB"), side, 3, name), resized)
            top, left = ((length - side) // 2 for length in resized.shape[:2])
            square = resized[top : top + side, left : left + side]
            assert np.array_equal(fit(Picture(image, "RGB"), side, 3, name), square)


def test_whole_images_beyond_8_to_1_keep_their_centre():
    for width, height in [(901, 100), (100, 901), (800, 100)]:
        image = noise(width, height)
        found = fit_whole(Picture(image, "RGB"), 32, 3).astype(int)
        assert sorted(found.shape) == [3, 32, 256]
        size = tuple(max(32, round(length * 32 / 100)) for length in image.size)
        left, top = ((length - min(length, 256)) // 2 for length in size)
        whole = np.asarray(image.resize(size, Image.BILINEAR))
        centre = whole[top : top + found.shape[0], left : left + found.shape[1]]
        assert abs(found - centre).max() <= 1


def test_a_bicubic_split_is_stored_apart(tmp_path):
    root = write_folder(tmp_path / "images", {"a": 6, "b": 6}, side=24)
    split = open_dataset(str(root)).train
    plain = Preprocessing(side=12, channels=3, mean=(0,) * 3, std=(1,) * 3)
    bicubic = replace(plain, interpolation="bicubic")
    batches = [
        prepare(split, p, cache=tmp_path / "cache").batch(np.arange(2)) for p in (plain, bicubic)
    ]
    assert not np.array_equal(*batches)
    first = load_image(root / split.names[0], bicubic)
    assert np.array_equal(batches[1][0], first)


def test_strip_that_would_grow_beyond_memory():
    assert fit(Picture(noise(60_000, 1), "RGB"), 512, 3).shape == (512, 512, 3)


def test_channels_are_converted():
    grey = noise(8, 8, 1)
    coloured = fit(Picture(grey, "L"), 8, 3)
    assert (coloured == np.asarray(grey)[..., None]).all()
    back = fit(Picture(Image.fromarray(coloured), "RGB"), 8, 1)
    assert (back[..., 0] == np.asarray(grey)).all()


def test_centre():
    batch = np.arange(2 * 5 * 5).reshape(2, 5, 5, 1).astype(np.uint8)
    assert centre(batch, 3)[0, :, :, 0].tolist() == [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    assert centre(batch, 2)[0, 0, 0, 0] == 6
    assert np.shares_memory(centre(batch, 3), batch)


def test_one_file_is_treated_as_a_split_is(tmp_path):
    for number in range(8):
        folder = tmp_path / "images" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        noise(40 + 7 * number, 60 - 3 * number, seed=number).save(folder / f"{number}.jpg")
    preprocessing = Preprocessing(
        side=28, channels=3, mean=(0,) * 3, std=(1,) * 3, crop_share=0.875
    )
    dataset = open_dataset(str(tmp_path / "images"))
    seen = 0
    for split in dataset.splits:
        pixels = prepare(split, preprocessing, cache=tmp_path / "cache")
        for i, name in enumerate(split.names):
            alone = load_image(tmp_path / "images" / name, preprocessing)
            assert np.array_equal(alone, centre(pixels.batch(np.array([i])), 28)[0])
            with (tmp_path / "images" / name).open("rb") as file:
                assert np.array_equal(alone, load_image(file, preprocessing))
            seen += 1
    assert seen == 8


def test_unreadable_file_is_named(tmp_path):
    preprocessing = Preprocessing(side=8, channels=1, mean=(0.0,), std=(1.0,))
    path = tmp_path / "some \u732b file.jpg"
    path.write_bytes(b"not an image")
    with pytest.raises(
        UserError, match=r"Cannot read image '.*some \u732b file\.jpg': no image in"
    ):
        load_image(path, preprocessing)
    with pytest.raises(UserError, match=r"absent\.jpg': no such file"):
        load_image(str(tmp_path / "absent.jpg"), preprocessing)
    with pytest.raises(UserError, match="Cannot read image 'the given file': the file is empty"):
        load_image(BytesIO(b""), preprocessing)
    assert load_image(BytesIO(encoded(noise(9, 9))), preprocessing).shape == (8, 8, 1)


def test_paths_with_spaces_and_other_scripts(tmp_path):
    root = write_folder(tmp_path / "my \u56fe \U0001f431", {"\u732b cat": 4, "\U0001f436": 4})
    dataset = open_dataset(str(root))
    assert dataset.classes == ("\u732b cat", "\U0001f436")
    assert dataset.name == "my \u56fe \U0001f431"
