"""Scores from outcomes, by exact sums: the order of the images does not change them."""

from collections.abc import Sequence
from math import fsum

import numpy as np

from convatlas.evaluation._outcomes import Outcomes
from convatlas.evaluation._result import ClassScore, Mistake

MOST_MISTAKES = 64
MOST_CLASSES = 1_000  # of a confusion matrix
_BINS = 15


def calibration_error(found: Outcomes) -> float:
    """Expected calibration error: sum over bins of |correct - confidence| / n.

    Bin m of M holds the confidences in ((m - 1) / M, m / M].

    Source: Guo et al., ICML 2017 (arXiv:1706.04599), section 2 and Eq. 3; 15 bins as in Table 1.
    """
    edges = np.arange(1, _BINS) / _BINS
    bins = np.searchsorted(edges, found.confidence, side="left")
    gaps = []
    for number in range(_BINS):
        inside = bins == number
        correct = int((found.rank[inside] == 1).sum())
        gaps.append(abs(correct - fsum(found.confidence[inside].tolist())))
    return fsum(gaps) / len(found)


def confusion(found: Outcomes, k: int) -> tuple[tuple[int, ...], ...]:
    """Images of the row's class that were given the column's class."""
    if k > MOST_CLASSES:
        return ()
    counts = np.bincount(found.truth * k + found.predicted, minlength=k * k).reshape(k, k)
    return tuple(tuple(row) for row in counts.tolist())


def class_scores(found: Outcomes, classes: Sequence[str]) -> tuple[ClassScore, ...]:
    """Precision and recall of every class."""
    k = len(classes)
    present = np.bincount(found.truth, minlength=k).tolist()
    given = np.bincount(found.predicted, minlength=k).tolist()
    right = np.bincount(found.truth[found.rank == 1], minlength=k).tolist()
    return tuple(
        ClassScore(
            name=name,
            n=present[i],
            precision=right[i] / given[i] if given[i] else None,
            recall=right[i] / present[i] if present[i] else None,
        )
        for i, name in enumerate(classes)
    )


def mistakes(found: Outcomes, names: Sequence[str], classes: Sequence[str]) -> tuple[Mistake, ...]:
    """The most confident mistakes; equal confidence in the order of the images."""
    wrong = np.flatnonzero(found.rank > 1)
    order = wrong[np.argsort(-found.confidence[wrong], kind="stable")]
    return tuple(
        Mistake(
            index=i,
            name=names[i],
            truth=classes[found.truth[i]],
            predicted=classes[found.predicted[i]],
            confidence=float(found.confidence[i]),
        )
        for i in order[:MOST_MISTAKES].tolist()
    )
