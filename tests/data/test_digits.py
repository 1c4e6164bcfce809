import numpy as np
import pytest

from convatlas.data import open_dataset

datasets = pytest.importorskip("sklearn.datasets")


def test_digits():
    dataset = open_dataset("digits")
    assert dataset.classes == tuple("0123456789")
    assert (dataset.channels, dataset.native_side, dataset.flip) == (1, 8, False)
    n = [len(split) for split in dataset.splits]
    assert sum(n) == 1797
    assert n[2] == pytest.approx(0.2 * 1797, abs=5)
    assert n[1] == pytest.approx(0.1 * (1797 - n[2]), abs=5)
    for split in dataset.splits:  # stratified: no class far from a tenth
        assert abs(np.bincount(split.labels, minlength=10) / len(split) - 0.1).max() < 0.01
    again = open_dataset("digits")
    assert again.fingerprint == dataset.fingerprint
    assert open_dataset("digits", seed=1).fingerprint != dataset.fingerprint


def test_pixels_are_the_published_ones_scaled_to_255():
    bunch = datasets.load_digits()
    dataset = open_dataset("digits")
    seen = 0
    for split in dataset.splits:
        for i in range(0, len(split), 7):
            number = int(split.names[i].removeprefix("digits/"))
            expected = [[round(v * 255 / 16) for v in row] for row in bunch.images[number].tolist()]
            assert np.asarray(split.image(i)).tolist() == expected
            assert split.labels[i] == bunch.target[number]
            seen += 1
    assert seen > 250
