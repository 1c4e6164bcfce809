"""How far a score may be off because other images could have been drawn: seeded bootstrap.

A resample has exactly as many images as there are, drawn with replacement. Values are put in order
first, so that the order of the images changes no digit.

Source: Efron, Tibshirani, An introduction to the bootstrap (1993), section 13.3 (percentile).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

_Z = 1.959963984540054  # of 95 %
_LEVEL = 0.95
_RESAMPLES = 10_000
_MEANS = 2_000  # resamples of a mean, where each one touches every image
_MOST_DRAWS = 200_000_000  # of them together: beyond it there are fewer resamples, at least 200
_FEWEST_MEANS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval in the unit of its score, and how it was come by."""

    low: float
    high: float
    method: Literal["bootstrap", "wilson"]
    n: int  # images in the score and in every resample
    resamples: int  # 0 for wilson
    seed: int


def error_interval(errors: int, n: int, *, seed: int = 0) -> Interval:
    """Of an error in percent: `errors` of `n` images, n >= 1.

    The errors in a resample are binomial (n, errors / n), so they are drawn as such. With no error
    at all, or nothing else, every resample is the same and says nothing: then it is Wilson's.
    """
    if errors in (0, n):
        low, high = _wilson(errors / n, n)
        return Interval(low=low, high=high, method="wilson", n=n, resamples=0, seed=seed)
    drawn = np.random.default_rng(seed).binomial(n, errors / n, _RESAMPLES)
    return _percentiles(100.0 * drawn / n, n, seed)


def difference_interval(gained: int, lost: int, n: int, *, seed: int = 0) -> Interval:
    """Of a difference of two errors on the same `n` images, in percentage points.

    Args:
        gained: images that only the second net gets wrong.
        lost: images that only the first gets wrong.
    """
    shares = [gained / n, lost / n, (n - gained - lost) / n]
    drawn = np.random.default_rng(seed).multinomial(n, shares, _RESAMPLES)
    return _percentiles(100.0 * (drawn[:, 0] - drawn[:, 1]) / n, n, seed)


def mean_interval(values: npt.NDArray[np.float64], *, seed: int = 0) -> Interval:
    """Of the mean of one value per image."""
    ordered, n = np.sort(values), len(values)
    generator = np.random.default_rng(seed)
    resamples = min(_MEANS, max(_FEWEST_MEANS, _MOST_DRAWS // n))
    means = np.array(
        [ordered[generator.integers(0, n, n)].mean(dtype=np.float64) for _ in range(resamples)]
    )
    return _percentiles(means, n, seed)


def _percentiles(scores: npt.NDArray[np.float64], n: int, seed: int) -> Interval:
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(scores, [tail, 1 - tail]).tolist()
    return Interval(low=low, high=high, method="bootstrap", n=n, resamples=len(scores), seed=seed)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Source: Wilson, J. Amer. Statist. Assoc. 22 (1927) 209-212."""
    denominator = 1 + _Z * _Z / n
    centre = (share + _Z * _Z / (2 * n)) / denominator
    half = _Z / denominator * sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)
