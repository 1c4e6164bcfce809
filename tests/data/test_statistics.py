"""Principal components of a set's colours."""

import numpy as np
import pytest

from convatlas.data import Augmentation, StoredPixels, colour_basis
from convatlas.errors import UserError
from tests.data.images import noise


def stored(images):
    n = len(images)
    return StoredPixels(
        labels=np.zeros(n, np.int64), names=[str(i) for i in range(n)], images=images
    )


def test_components_are_those_of_the_covariance():
    """Against NumPy's covariance: c = sum over components of value x vector x vector."""
    rng = np.random.default_rng(0)
    mixing = np.array([[40, 38, 30], [5, 0, -6], [1, -2, 1.5]])
    colours = 128 + rng.normal(size=(300 * 64, 3)) @ mixing
    images = colours.round().clip(0, 255).astype(np.uint8).reshape(300, 8, 8, 3)
    basis = np.array(colour_basis(stored(images)))
    values = np.linalg.norm(basis, axis=1)
    assert (np.diff(values) < 0).all()
    vectors = basis / values[:, None]
    rebuilt = sum(v * np.outer(x, x) for v, x in zip(values, vectors, strict=True))
    expected = np.cov(images.reshape(-1, 3).T / 255, bias=True)
    assert rebuilt == pytest.approx(expected, abs=1e-5)  # printed with 7 digits
    assert (vectors[np.arange(3), abs(vectors).argmax(1)] > 0).all()
    Augmentation(pca_colour=0.1, pca_basis=colour_basis(stored(images)))


def test_two_colours_by_hand():
    """Half red 255, half black: variance 1/4 along red alone."""
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[0, ..., 0] = 255
    assert colour_basis(stored(images)) == ((0.25, 0, 0), (0, 0, 0), (0, 0, 0))


def test_grey_images_have_none():
    images = np.stack([np.asarray(noise(8, 8, 1))[..., None]])
    with pytest.raises(UserError, match="no principal components of colours"):
        colour_basis(stored(images))
