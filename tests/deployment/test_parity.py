"""The differences between two classifiers."""

import json

import numpy as np
import pytest

from convatlas.bundle import BundleInfo
from convatlas.deployment import METADATA_KEY, bundle_metadata, parity
from convatlas.errors import UserError


def constant(*logits: float):
    return lambda images: np.tile(np.array(logits, np.float32), (len(images), 1))


IMAGES = np.zeros((70, 1, 2, 2), np.float32)  # more than one batch


def test_equal():
    found = parity(constant(1, -4), constant(1, -4), IMAGES)
    assert found.as_dict() == {
        "max_difference": 0.0,
        "relative_difference": 0.0,
        "agreement": 1.0,
        "n": 70,
    }


def test_differences_by_hand():
    found = parity(constant(1, -4), constant(1.5, -4), IMAGES)
    assert (found.max_difference, found.relative_difference) == (0.5, 0.125)
    assert found.agreement == 1.0


def test_agreement_is_a_share_of_images():
    def second(images):
        return np.where(images[:, :1, 0, 0] > 0, [[0.0, 1.0]], [[1.0, 0.0]])

    images = IMAGES.copy()
    images[:7] = 1
    found = parity(constant(1, 0), second, images)
    assert found.agreement == pytest.approx(0.9)


def test_batches_are_as_good_as_one_array():
    batches = [IMAGES[:3], IMAGES[3:3], IMAGES[3:]]
    first, second = constant(1, 2), constant(1, 2.25)
    assert parity(first, second, iter(batches)) == parity(first, second, IMAGES)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_a_number_is_never_close(wrong):
    assert parity(constant(1, 2), constant(1, wrong), IMAGES).relative_difference == np.inf
    assert parity(constant(1, wrong), constant(1, wrong), IMAGES).relative_difference == np.inf


def test_zero_logits():
    assert parity(constant(0, 0), constant(0, 0), IMAGES).relative_difference == 0.0
    assert parity(constant(0, 0), constant(0, 1), IMAGES).relative_difference == np.inf


def test_no_images():
    with pytest.raises(UserError, match="no images to compare on"):
        parity(constant(1), constant(1), IMAGES[:0])


def test_different_classes():
    with pytest.raises(UserError, match=r"gives \(64, 2\), the second \(64, 3\)"):
        parity(constant(1, 2), constant(1, 2, 3), IMAGES)


def test_bundle_metadata_says_how_to_use_the_net():
    info = BundleInfo(
        name="net on data",
        family="lenet",
        variant="lenet5",
        spec={},
        classes=["cat", "dog"],
        preprocessing={"side": 32, "channels": 1, "mean": [0.5], "std": [0.25]},
        versions={"torch": "2"},
    )
    stored = json.loads(bundle_metadata(info)[METADATA_KEY])
    assert stored["classes"] == ["cat", "dog"]
    assert stored["preprocessing"] == info.preprocessing
    assert stored["name"] == "net on data"
