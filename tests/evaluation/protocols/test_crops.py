"""How many crops, where they lie and which pixels they have: the papers' arithmetic."""

import numpy as np
import pytest
from PIL import Image

from convatlas.data import Picture, Preprocessing, load_image
from convatlas.evaluation import ScoringModel, plan
from convatlas.evaluation.protocols import Misfit, parse
from convatlas.evaluation.protocols._boxes import (
    corners_and_centre,
    regular_grid,
    three_squares,
)
from tests.evaluation.protocols import reference as long_way
from tests.evaluation.protocols.photos import photo, real_photos

PAPERS = Preprocessing(side=224, channels=3, mean=(0,) * 3, std=(1,) * 3, crop_share=0.875)


def nothing(images):
    return images


def planned(text, own=PAPERS):
    model = ScoringModel(
        name="net", classes=("a",), preprocessing=own, predict=nothing, class_map=nothing
    )  # fmt: skip
    return plan(parse(text), model)


def views(text, image, own=PAPERS):
    return [view.pixels for view in planned(text, own).views(Picture(image, image.mode))]


def test_alexnet_section_4_1():
    """Patches of 224 of the central 256 x 256: offsets 0 and 32, and 16 for the centre."""
    places = corners_and_centre(256, 256, 224)
    assert places == ((0, 0), (32, 0), (0, 32), (32, 32), (16, 16))


def test_vgg_section_3_2():
    """5 x 5 on a photograph of 384 x 512 for Q = 384: steps of 40 down, 72 across."""
    places = regular_grid(512, 384, 224, 5)
    assert len(places) == 25
    assert places[:5] == ((0, 0), (72, 0), (144, 0), (216, 0), (288, 0))
    assert [y for _, y in places[::5]] == [0, 40, 80, 120, 160]
    assert places[12] == (144, 80)


def test_googlenet_section_7():
    """Left, centre, right of 341 x 256; top, centre, bottom of 256 x 341."""
    assert three_squares(341, 256) == ((0, 0), (42, 0), (85, 0))
    assert three_squares(256, 341) == ((0, 0), (0, 42), (0, 85))
    assert three_squares(256, 256) == ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("single_crop", 1),
        ("flip(single_crop)", 2),
        ("ten_crop", 10),
        ("multi_crop(256)", 50),
        ("multi_crop", 150),
        ("multi_crop(256, 384, 512)", 150),
        ("multi_crop(256, grid=3)", 18),
        ("inception_crops", 144),
        ("inception_crops(256, 288, 320, 352)", 144),
        ("dense", 2),
        ("dense(256, 384, 512)", 6),
        ("dense(256, flip=no)", 1),
        ("multi_scale(ten_crop, 256, 384)", 20),
        ("dense(256, 384, 512) + multi_crop(256, 384, 512)", 156),
    ],
)
def test_number_of_views(text, number):
    found = planned(text)
    assert found.protocol.num_views == number
    assert sum(use.num_views for use in found.uses) == number
    assert sum(use.share for use in found.uses) == pytest.approx(1)
    assert len(views(text, photo(320, 240))) == number


def test_sizes_left_out_are_the_nets_own():
    small = Preprocessing(side=32, channels=1, mean=(0,), std=(1,))
    large = Preprocessing(side=299, channels=3, mean=(0,) * 3, std=(1,) * 3, crop_share=0.875)
    for own, text, said in [
        (PAPERS, "single_crop", "single_crop(resize=256, crop=224, interpolation=bilinear)"),
        (PAPERS, "ten_crop", "ten_crop(resize=256, crop=224, interpolation=bilinear)"),
        (PAPERS, "multi_crop", "multi_crop(256, 384, 512, crop=224, interpolation=bilinear)"),
        (
            PAPERS,
            "inception_crops",
            "inception_crops(256, 288, 320, 352, crop=224, interpolation=bilinear)",
        ),
        (PAPERS, "dense", "dense(256, interpolation=bilinear)"),
        (
            PAPERS,
            "multi_scale(flip(single_crop), 256, 512)",
            "multi_scale(flip(single_crop(crop=224, interpolation=bilinear)), 256, 512)",
        ),
        (small, "single_crop", "single_crop(resize=32, crop=32, interpolation=bilinear)"),
        (small, "ten_crop", "ten_crop(resize=37, crop=32, interpolation=bilinear)"),
        (large, "ten_crop", "ten_crop(resize=342, crop=299, interpolation=bilinear)"),
        (large, "single_crop(320)", "single_crop(resize=320, crop=299, interpolation=bilinear)"),
        (
            large,
            "single_crop(crop=320)",
            "single_crop(resize=366, crop=320, interpolation=bilinear)",
        ),
    ]:
        assert str(planned(text, own).protocol) == said


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (300, 300), (301, 200), (90, 61)])
def test_crops_are_pillows(size):
    check_against_pillow(photo(*size))


@pytest.mark.slow
def test_crops_are_pillows_on_photographs():
    for image in real_photos(20):
        check_against_pillow(image)


def check_against_pillow(image):
    bicubic = Image.Resampling.BICUBIC
    for text, expected in {
        "single_crop": long_way.single(image, 256, 224),
        "single_crop(interpolation=bicubic)": long_way.single(image, 256, 224, bicubic),
        "single_crop(resize=320, crop=320)": long_way.single(image, 320, 320),
        "ten_crop": long_way.ten(image, 256, 224),
        "ten_crop(area=whole)": long_way.ten(image, 256, 224, "whole"),
        "multi_crop": long_way.vgg(image, (256, 384, 512), 224),
        "inception_crops": long_way.googlenet(image, (256, 288, 320, 352), 224),
    }.items():
        found = views(text, image)
        assert len(found) == len(expected), text
        for ours, theirs in zip(found, expected, strict=True):
            assert np.array_equal(ours, np.asarray(theirs)), text
    found = views("dense(256, 384)", image)
    wholes = [np.asarray(long_way.shorter_side_to(image, size)) for size in (256, 384)]
    for ours, theirs in zip(found, (*wholes, *(w[:, ::-1] for w in wholes)), strict=True):
        assert np.array_equal(ours, theirs)


def test_single_crop_is_what_the_net_is_evaluated_on(tmp_path):
    image = photo(331, 257)
    image.save(tmp_path / "a.png")
    (only,) = views("single_crop", image)
    assert np.array_equal(only, load_image(tmp_path / "a.png", PAPERS))


def test_smaller_images_are_enlarged():
    image = photo(40, 30)
    assert np.array_equal(
        views("multi_crop(256)", image)[0],
        np.asarray(image.resize((341, 256), Image.Resampling.BILINEAR).crop((0, 0, 224, 224))),
    )


def test_one_pixel():
    for text in ("ten_crop", "multi_crop", "inception_crops", "dense"):
        for pixels in views(text, Image.new("RGB", (1, 1), (9, 8, 7))):
            assert (pixels == (9, 8, 7)).all()


def test_grey_images_in_a_colour_net_and_colour_in_a_grey_one():
    grey = photo(300, 260).convert("L")
    for pixels in views("ten_crop", grey):
        assert pixels.shape == (224, 224, 3)
        assert (pixels == pixels[..., :1]).all()
    own = Preprocessing(side=28, channels=1, mean=(0,), std=(1,))
    colour = photo(40, 35)
    for text, count in [("ten_crop", 10), ("inception_crops", 144)]:
        found = views(text, colour, own)
        assert [pixels.shape for pixels in found] == [(28, 28, 1)] * count
    corner = long_way.ten(colour.convert("L"), 32, 28)[0]
    assert np.array_equal(views("ten_crop", colour, own)[0][..., 0], np.asarray(corner))


def test_a_long_strip_keeps_its_centre():
    strip = Image.new("RGB", (9000, 3))
    strip.paste((255, 255, 255), (4400, 0, 4600, 3))
    (whole, _) = views("dense(256)", strip)
    assert whole.shape == (256, 8 * 256, 3)
    assert (whole[:, 1024] == 255).all()
    assert np.array_equal(whole.nonzero()[1].min() + whole.nonzero()[1].max(), 2047)


def test_sizes_that_do_not_fit_the_net():
    for text, message in [
        ("dense(200)", "dense(200) is too small; give at least 224"),
        ("multi_crop(200)", "a crop of 224 does not fit into an image whose short side is 200"),
        ("single_crop(100)", "a crop of 224 does not fit"),
        ("multi_scale(ten_crop, 256, 200)", "short side is 200"),
        ("flip(dense(100, flip=no)) + ten_crop", "too small"),
    ]:
        with pytest.raises(Exception, match="does not fit 'net'") as caught:
            planned(text)
        assert message in str(caught.value)
        assert not isinstance(caught.value, Misfit)
