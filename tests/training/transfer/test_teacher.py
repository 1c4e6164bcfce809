"""A teacher sees a student's images as it was trained to see them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convatlas import bundle
from convatlas.data import Preprocessing, normalise
from convatlas.errors import UserError
from convatlas.training.transfer import Teacher
from tests.training.transfer.made import write_bundle

STUDENT = Preprocessing(side=8, channels=3, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pictures(channels=3):
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, channels), dtype=np.uint8)


def teacher(tmp_path, images=STUDENT, classes="abc", **changes):
    path = write_bundle(tmp_path / "t.bundle", **{"mean": MEAN, "std": STD, **changes})
    loaded = bundle.load(path)
    return loaded, Teacher(loaded, classes, images).eval()


@torch.no_grad()
def assert_sees(loaded, wrapped, pixels, images, columns=(0, 1, 2), expanded=None):
    """The wrapped net answers as the net itself on its own preprocessing, within rounding."""
    own = normalise(pixels if expanded is None else expanded, loaded.preprocessing)
    expected = loaded.net(own)[:, list(columns)]
    found = wrapped(normalise(pixels, images))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_mean_and_std_are_its_own(tmp_path):
    loaded, wrapped = teacher(tmp_path)
    assert_sees(loaded, wrapped, pictures(), STUDENT)
    with pytest.raises(AssertionError):  # the student's numbers are others
        torch.testing.assert_close(
            loaded.net(normalise(pictures(), STUDENT)),
            loaded.net(normalise(pictures(), loaded.preprocessing)),
        )


@pytest.mark.parametrize("theirs", [True, False])
def test_colours_come_in_its_order(tmp_path, theirs):
    images = STUDENT if theirs else replace(STUDENT, channel_order="bgr")
    loaded, wrapped = teacher(tmp_path, images, bgr=theirs)
    assert_sees(loaded, wrapped, pictures(), images)


def test_a_grey_image_is_repeated_for_a_net_of_colours(tmp_path):
    images = Preprocessing(side=8, channels=1, mean=(0.3,), std=(0.2,))
    loaded, wrapped = teacher(tmp_path, images)
    grey = pictures(1)
    assert_sees(loaded, wrapped, grey, images, expanded=grey.repeat(3, axis=3))


def test_images_are_resized_to_its_side(tmp_path):
    loaded, wrapped = teacher(tmp_path, side=12)
    own = normalise(pictures(), replace(loaded.preprocessing, side=8))
    larger = F.interpolate(own, size=(12, 12), mode="bilinear", antialias=True)
    with torch.no_grad():
        expected, found = loaded.net(larger), wrapped(normalise(pictures(), STUDENT))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize(("classes", "columns"), [("cab", (2, 0, 1)), ("ca", (2, 0))])
def test_answers_are_in_the_order_of_the_data(tmp_path, classes, columns):
    loaded, wrapped = teacher(tmp_path, classes=classes)
    assert_sees(loaded, wrapped, pictures(), STUDENT, columns)


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not know 1 of the data's 3 classes: 'd'"):
        teacher(tmp_path, classes="abd")


def test_a_teacher_of_grey_images_is_refused_for_colours(tmp_path):
    with pytest.raises(UserError, match="was trained on grey images, the data are in colour"):
        teacher(tmp_path, channels=1, mean=None, std=None)


def test_what_it_sees_is_part_of_its_state(tmp_path):
    """A run's digest is taken of the state: another mean is another run."""
    state = teacher(tmp_path)[1].state_dict()
    assert {"order", "scale", "shift", "channels"} <= set(state)
