"""Operations on one image against Pillow: equal in every bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, ImageEnhance, ImageOps

from convatlas.data.augmentation import _operations as ops
from convatlas.data.augmentation._hue import hue, to_hsv
from tests.data.images import noise

AFFINE, NEAREST = Image.Transform.AFFINE, Image.Resampling.NEAREST
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
IMAGES = st.one_of(
    npst.arrays(np.uint8, SHAPES),
    npst.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 127, 254, 255])),
)
FACTORS = st.floats(0, 12, allow_subnormal=False)


def pillow(image):
    return Image.fromarray(image if image.shape[2] == 3 else image[..., 0])


def same(ours, theirs):
    theirs = np.asarray(theirs).reshape(ours.shape)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, theirs), abs(ours.astype(int) - theirs).max()


def fills(image, levels):
    return levels if image.shape[2] == 3 else levels[0]


@settings(deadline=None)
@given(IMAGES, FACTORS)
def test_enhancers(image, factor):
    for ours, theirs in (
        (ops.brightness, ImageEnhance.Brightness),
        (ops.contrast, ImageEnhance.Contrast),
        (ops.saturation, ImageEnhance.Color),
        (ops.sharpness, ImageEnhance.Sharpness),
    ):
        same(ours(image, factor), theirs(pillow(image)).enhance(factor))


@settings(deadline=None)
@given(IMAGES, st.integers(0, 8), st.floats(-1, 257))
def test_tables(image, bits, threshold):
    if bits:
        same(ops.posterize(image, bits), ImageOps.posterize(pillow(image), bits))
    same(ops.solarize(image, threshold), ImageOps.solarize(pillow(image), threshold))
    same(ops.autocontrast(image), ImageOps.autocontrast(pillow(image)))
    same(ops.equalize(image), ImageOps.equalize(pillow(image)))
    same(ops.grey(image), pillow(image).convert("L"))


@settings(deadline=None)
@given(IMAGES, st.floats(-2, 2), st.integers(-10, 10), st.integers(-10, 10), st.floats(-400, 400))
def test_geometry(image, share, right, down, degrees):
    fill = (9, 99, 199)[: image.shape[2]]
    options = {"resample": NEAREST, "fillcolor": fills(image, fill)}
    theirs, size = pillow(image), image.shape[1::-1]
    for ours, matrix in (
        (ops.shear_x(image, share, fill), (1, share, 0, 0, 1, 0)),
        (ops.shear_y(image, share, fill), (1, 0, 0, share, 1, 0)),
        (ops.translate(image, right, down, fill), (1, 0, -right, 0, 1, -down)),
    ):
        same(ours, theirs.transform(size, AFFINE, matrix, **options))
    if degrees % 90:  # Pillow turns by quarters in another way
        same(ops.rotate(image, degrees, fill), theirs.rotate(degrees, **options))


@settings(deadline=None)
@given(IMAGES, st.integers(-300, 300))
def test_hue(image, turn):
    if image.shape[2] == 1:
        assert np.array_equal(hue(image, turn), image)
        return
    hues, saturations, values = pillow(image).convert("HSV").split()
    turned = Image.fromarray(((np.asarray(hues).astype(int) + turn) % 256).astype(np.uint8))
    same(hue(image, turn), Image.merge("HSV", (turned, saturations, values)).convert("RGB"))


def test_hue_of_colours_spread_over_the_whole_cube():
    levels = np.concatenate([np.arange(0, 256, 5), [1, 2, 3, 126, 127, 128, 129, 253, 254]])
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).astype(np.uint8)
    image = cube.reshape(len(levels), -1, 3)
    theirs = pillow(image).convert("HSV")
    for ours, band in zip(to_hsv(image), theirs.split(), strict=True):
        assert np.array_equal(ours, np.asarray(band))
    same(hue(image, 0), theirs.convert("RGB"))


@pytest.mark.parametrize("channels", [1, 3])
def test_on_an_image_of_the_size_of_a_photo(channels):
    image = np.asarray(noise(500, 375, channels)).reshape(375, 500, channels)
    theirs = pillow(image)
    same(ops.contrast(image, 1.3), ImageEnhance.Contrast(theirs).enhance(1.3))
    same(ops.sharpness(image, 1.9), ImageEnhance.Sharpness(theirs).enhance(1.9))
    same(ops.equalize(image), ImageOps.equalize(theirs))
    fill = (128,) * channels
    turned = theirs.rotate(30.0, NEAREST, fillcolor=fills(image, fill))
    same(ops.rotate(image, 30.0, fill), turned)


def test_hand_computed():
    image = np.array([[[10, 200, 250]]], np.uint8)
    assert ops.brightness(image, 0.5).ravel().tolist() == [5, 100, 125]
    assert ops.brightness(image, 1.5).ravel().tolist() == [15, 255, 255]
    assert ops.saturation(image, 0.0).ravel().tolist() == [149, 149, 149]  # 2.99 + 117.4 + 28.5
    assert ops.solarize(image, 200).ravel().tolist() == [10, 55, 5]
    assert ops.posterize(image, 2).ravel().tolist() == [0, 192, 192]
