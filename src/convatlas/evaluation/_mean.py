"""A mean that the order of the images does not change."""

from math import fsum

import numpy as np
import numpy.typing as npt


def mean(values: npt.NDArray[np.float64]) -> float:
    """The mean, its sum rounded once."""
    return fsum(values.tolist()) / len(values)
