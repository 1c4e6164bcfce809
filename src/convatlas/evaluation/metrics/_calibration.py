"""Whether a net that says 80 % is right in 80 % of such cases."""

from dataclasses import dataclass
from math import fsum

import numpy as np

from convatlas.evaluation._outcomes import Outcomes

BINS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """The images whose confidence lies in (low, high]; shares are of 1."""

    low: float
    high: float
    n: int
    confidence: float | None  # mean; None where there is no image
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Bins of equal width; shares are of 1.

    Source: Guo et al., ICML 2017 (arXiv:1706.04599), section 2; 15 bins as in Table 1.
    """

    bins: tuple[ReliabilityBin, ...]
    expected_error: float  # mean over images of |accuracy - confidence| of their bin, Eq. 3
    maximum_error: float  # the largest of a bin that has images, Eq. 5
    confidence: float  # mean over all images
    accuracy: float


def reliability(found: Outcomes) -> Reliability:
    """The reliability diagram of `found`, which has at least one image."""
    edges = np.arange(1, BINS) / BINS
    places = np.searchsorted(edges, found.confidence, side="left")
    bins = tuple(_bin(found, places == number, number) for number in range(BINS))
    n = len(found)
    gaps = [abs((b.accuracy or 0.0) - (b.confidence or 0.0)) for b in bins]
    return Reliability(
        bins=bins,
        expected_error=fsum(gap * b.n for gap, b in zip(gaps, bins, strict=True)) / n,
        maximum_error=max(gaps),
        confidence=fsum(found.confidence.tolist()) / n,
        accuracy=int((found.rank == 1).sum()) / n,
    )


def _bin(found: Outcomes, inside: np.ndarray, number: int) -> ReliabilityBin:
    n = int(inside.sum())
    right = int((found.rank[inside] == 1).sum())
    return ReliabilityBin(
        low=number / BINS,
        high=(number + 1) / BINS,
        n=n,
        confidence=fsum(found.confidence[inside].tolist()) / n if n else None,
        accuracy=right / n if n else None,
    )
