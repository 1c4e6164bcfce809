"""Each class against the rest: receiver operating characteristic, precision and recall."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convatlas.evaluation._scored import Scored

FEW_CLASSES = 20
_POINTS = 200  # of a drawn curve; the areas are of all


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCurves:
    """One class against the rest, by its probability. Shares are of 1.

    `roc` holds (false positive rate, true positive rate), `precision_recall` (recall, precision),
    at most 200 points each, from the strictest threshold on.
    """

    name: str
    n: int  # images of the class
    area: float  # under roc: chance that one of its images scores above one of the others
    average_precision: float
    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]


def class_curves(scored: Scored) -> tuple[ClassCurves, ...]:
    """The curves of every class that has images, if there are at most 20 classes; else none.

    Equal probabilities pass a threshold together: half of such a pair counts in the area. A class
    that all images belong to has none.
    """
    if len(scored.classes) > FEW_CLASSES:
        return ()
    present = np.bincount(scored.truth, minlength=len(scored.classes))
    return tuple(
        _curves(name, np.asarray(scored.probabilities[:, i], np.float64), scored.truth == i)
        for i, name in enumerate(scored.classes)
        if 0 < present[i] < len(scored)
    )


def _curves(name: str, scores: npt.NDArray[np.float64], own: npt.NDArray[np.bool_]) -> ClassCurves:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each distinct score
    found = np.cumsum(own[order])[last]
    taken = last + 1
    n, others = int(own.sum()), int(len(own) - own.sum())
    recall, precision = found / n, found / taken
    false_positives = (taken - found) / others
    x, y = np.append(0.0, false_positives), np.append(0.0, recall)
    return ClassCurves(
        name=name,
        n=n,
        area=float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum() / 2),
        average_precision=float((np.diff(recall, prepend=0.0) * precision).sum()),
        roc=_thinned(x, y),
        precision_recall=_thinned(recall, precision),
    )


def _thinned(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """At most `_POINTS` of the points, at equal distances along the curve, both ends kept."""
    if len(x) > _POINTS:
        along = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        wanted = np.linspace(0.0, along[-1], _POINTS)
        kept = np.unique(np.searchsorted(along, wanted).clip(0, len(x) - 1))
        x, y = x[kept], y[kept]
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
