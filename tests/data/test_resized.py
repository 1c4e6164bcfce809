"""Whole batches at another side, against Pillow image by image."""

import numpy as np
import pytest
from PIL import Image

from convatlas.data import resized

WAYS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

LEVELS = {"bilinear": 1, "bicubic": 2}


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("height", "width", "side"), [(32, 32, 16), (32, 32, 30), (28, 28, 41), (40, 25, 20), (9, 9, 2)]
)
def test_a_grey_level_or_two_from_pillow(height, width, side, channels, way):
    """Of noise, the hardest case: their weights have different numbers of bits. Across, then down;
    bicubic values between the two are cut to 0 and 255, so the order counts."""
    batch = noise(4, height, width, channels)
    found = resized(batch, side, way)
    assert found.shape == (4, side, side, channels)
    assert found.dtype == np.uint8
    for one, image in zip(found, batch, strict=True):
        for c in range(channels):
            across = Image.fromarray(image[..., c]).resize((side, height), WAYS[way])
            pillow = np.asarray(across.resize((side, side), WAYS[way]))
            assert np.abs(one[..., c].astype(int) - pillow).max() <= LEVELS[way]


@pytest.mark.parametrize("side", [8, 13, 64])
def test_a_ramp_stays_a_ramp(side):
    """Pixel centres map to pixel centres: value 8 x at pixel x of 32."""
    ramp = np.tile((8 * np.arange(32)).astype(np.uint8), (32, 1))[None, :, :, None]
    found = resized(ramp, side)[0, side // 2, :, 0]
    places = (np.arange(side) + 0.5) * 32 / side - 0.5
    inner = (places > 3) & (places < 28)  # at the borders the filter is cut
    assert np.abs(found[inner] - 8 * places[inner]).max() <= 1


def test_squares_of_that_side_are_given_back_as_they_are():
    batch = noise(2, 16, 16, 3)
    assert resized(batch, 16) is batch
    assert resized(noise(2, 16, 8, 3), 16).shape == (2, 16, 16, 3)


def test_an_image_does_not_depend_on_its_batch_and_the_source_may_be_read_only():
    batch = noise(5, 32, 32, 3)
    batch.flags.writeable = False
    whole = resized(batch, 20)
    assert np.array_equal(whole[3:4], resized(batch[3:4], 20))
    assert np.array_equal(whole[::2], resized(batch[::2], 20))
