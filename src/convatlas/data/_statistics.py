"""What is usual among the colours of a set of images, from exact sums of whole numbers."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from convatlas.data._pixels import Pixels
from convatlas.data.augmentation import Basis
from convatlas.errors import UserError

_MOST_BYTES = 1 << 28
_AT_ONCE = 256
_LEAST_VARIANCE = 1.0  # of one grey level: images of a single colour still can be divided by it
_DIGITS = 7  # of a basis: what the last bits of an eigenvector are differs between machines


def channel_statistics(pixels: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the 0..1 scale.

    At most 10,000 images at equal distances are read, fewer where images are large.
    """
    histogram: npt.NDArray[np.int64] | None = None
    for batch in _some(pixels):
        channels = batch.shape[-1]
        if histogram is None:
            histogram = np.zeros((channels, 256), np.int64)
        for channel in range(channels):
            histogram[channel] += np.bincount(batch[..., channel].ravel(), minlength=256)
    assert histogram is not None, "no images"  # noqa: S101  an invariant of ours, not input
    levels = np.arange(256)
    means, deviations = [], []
    for counts in histogram:
        total, first_sum = int(counts.sum()), int(counts @ levels)
        square_sum = int(counts @ levels**2)
        variance = (square_sum * total - first_sum**2) / total**2  # whole numbers up to here
        means.append(first_sum / total / 255)
        deviations.append(max(variance, _LEAST_VARIANCE) ** 0.5 / 255)
    return tuple(means), tuple(deviations)


def colour_basis(pixels: Pixels) -> Basis:
    """Principal components of the colours, each times its eigenvalue, for `Augmentation.pca_basis`.

    The eigenvectors of the covariance of red, green and blue on the 0..1 scale, the largest
    eigenvalue first, the signs so that the largest entry is positive; of the images that
    `channel_statistics` reads.

    Raises:
        UserError: if the images have no colours.

    Source: Krizhevsky et al. (NIPS 2012), section 4.1.
    """
    count, sums, products = 0, [0] * 3, [[0] * 3 for _ in range(3)]
    for batch in _some(pixels):
        if batch.shape[-1] != 3:
            raise UserError(
                "Images of one channel have no principal components of colours. Leave pca_basis "
                "as it is: pca_colour changes their brightness."
            )
        colours = batch.reshape(-1, 3).astype(np.float64)  # sums below are exact up to 2**53
        count += len(colours)
        for i, total in enumerate(colours.sum(0)):
            sums[i] += int(total)
        for i, row in enumerate(colours.T @ colours):
            products[i] = [old + int(new) for old, new in zip(products[i], row, strict=True)]
    covariance = [
        [(products[i][j] * count - sums[i] * sums[j]) / count**2 / 255**2 for j in range(3)]
        for i in range(3)
    ]
    values, vectors = np.linalg.eigh(np.array(covariance))
    rows = (values * vectors).T[::-1]
    signs = np.sign(rows[np.arange(3), np.abs(rows).argmax(1)])
    first, second, third = (
        (round(red, _DIGITS) + 0.0, round(green, _DIGITS) + 0.0, round(blue, _DIGITS) + 0.0)
        for red, green, blue in (rows * signs[:, None]).tolist()
    )
    return first, second, third


def _some(pixels: Pixels) -> Iterator[npt.NDArray[np.uint8]]:
    """Batches of images at equal distances."""
    first = pixels.batch(np.zeros(1, np.int64))
    most = min(len(pixels), 10_000, max(256, _MOST_BYTES // first.nbytes))
    chosen = np.arange(most) * len(pixels) // most
    for start in range(0, most, _AT_ONCE):
        yield pixels.batch(chosen[start : start + _AT_ONCE])
