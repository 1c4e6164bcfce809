"""Pictures made worse on purpose."""

import json

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from convatlas.data import Preprocessing, StoredPixels
from convatlas.errors import UserError
from convatlas.evaluation import robustness
from convatlas.evaluation._corruptions import CORRUPTIONS, random_of

SIDE = 24
PREPARED = Preprocessing(side=SIDE, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
BY_NAME = {c.name: c for c in CORRUPTIONS}


def pictures(n: int = 40, seed: int = 0) -> StoredPixels:
    """Bright or dark noise: class 1 is brighter than middle grey."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    images = generator.integers(0, 120, (n, SIDE, SIDE, 3)) + 110 * labels[:, None, None, None]
    return StoredPixels(
        labels=labels, names=[f"{i}.jpg" for i in range(n)], images=images.astype(np.uint8)
    )


def by_brightness(batch: np.ndarray) -> np.ndarray:
    level = batch.mean(axis=(1, 2, 3)) + 0.1
    return np.stack([-level, level], axis=1).astype(np.float32)


def test_only_what_changes_brightness_deceives_a_net_that_sees_brightness():
    told = []
    found = robustness(
        by_brightness, pictures(), PREPARED, ("dark", "bright"),
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    curves = {c.corruption: c for c in found.curves}
    assert found.clean.top1_error == 0
    for harmless in ("JPEG", "blur"):
        assert curves[harmless].mean_error == 0
    for name in ("darker", "brighter"):
        errors = [p.top1_error for p in curves[name].points]
        assert errors == sorted(errors)
        assert errors[-1] > 40
    assert told[-1] == ("corrupting images", 26, 26)
    assert all(p.interval.n == 40 for c in found.curves for p in c.points)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["n"] == 40


def test_noise_depends_on_seed_and_name_and_not_on_the_order():
    whole = pictures(16)
    fuzzy = np.random.default_rng(3).normal(size=(SIDE * SIDE * 3, 2)).astype(np.float32)

    def predict(batch: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(batch).reshape(len(batch), -1) @ fuzzy

    order = np.random.default_rng(1).permutation(16)
    turned = StoredPixels(
        labels=whole.labels[order],
        names=[whole.names[i] for i in order],
        images=whole.images[order],
    )
    one = robustness(predict, whole, PREPARED, "ab")
    assert robustness(predict, turned, PREPARED, "ab") == one
    assert robustness(predict, whole, PREPARED, "ab", seed=1) != one


def test_some_images_at_equal_distances():
    found = robustness(by_brightness, pictures(50), PREPARED, "ab", most=10)
    assert found.n == found.clean.interval.n == 10
    with pytest.raises(UserError, match="no images to corrupt"):
        robustness(by_brightness, pictures(0), PREPARED, "ab")


def test_each_corruption_is_what_it_says():
    image = pictures(1).images[0]
    random = random_of(0, "x")
    noisy = BY_NAME["noise"].apply(np.full((64, 64, 3), 128, np.uint8), 8.0, random)
    assert noisy.astype(float).std() == pytest.approx(0.08 * 255, rel=0.05)
    blurred = BY_NAME["blur"].apply(image, 5.0, random)
    smooth = ndimage.gaussian_filter(image.astype(float), (1.2, 1.2, 0), mode="nearest")
    assert np.abs(blurred - smooth).mean() < 3
    assert (
        blurred == np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1.2)))
    ).all()
    assert (BY_NAME["darker"].apply(image, 0.5, random) == (image * 0.5).round()).all()
    assert BY_NAME["brighter"].apply(image, 4.0, random).max() == 255
    for corruption in CORRUPTIONS:
        for channels in (1, 3):
            worse = corruption.apply(image[..., :channels], corruption.severities[0], random)
            assert worse.shape == (SIDE, SIDE, channels)
            assert worse.dtype == np.uint8


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: c.name)
def test_severities_grow(corruption):
    image = pictures(1).images[0]
    changes = [
        float(np.abs(corruption.apply(image, s, random_of(0, "x")) - image.astype(float)).mean())
        for s in corruption.severities
    ]
    assert changes == sorted(changes)
    assert changes[0] > 0
