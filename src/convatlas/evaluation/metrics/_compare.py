"""Two nets on the same images: which is better, and whether that is more than chance."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.evaluation._mean import mean
from convatlas.evaluation._outcomes import Outcomes
from convatlas.evaluation._scored import Scored
from convatlas.evaluation.metrics._intervals import (
    Interval,
    difference_interval,
    error_interval,
    mean_interval,
)
from convatlas.evaluation.metrics._mcnemar import holm, mcnemar
from convatlas.evaluation.metrics._same_images import outcomes_like

SIGNIFICANT = 0.05
MOST_CHANGES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two nets."""

    model: str
    protocol: str
    top1_error: float  # percent
    interval: Interval
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassChange:
    """One class: how many of its images only one net gets right."""

    name: str
    n: int
    a_error: float | None  # percent; None where the class has no image
    b_error: float | None
    only_a: int
    only_b: int
    p_value: float  # McNemar, adjusted by Holm for the number of classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An image that one net gets right and the other wrong."""

    name: str
    truth: str
    a: str  # what A said
    a_confidence: float
    b: str
    b_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Differences are B - A: below 0, B is better. Errors are in percent, on the same n images."""

    n: int
    a: Side
    b: Side
    difference: float
    difference_interval: Interval
    loss_difference: float
    loss_difference_interval: Interval
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    agreement: float  # share of the images that both give the same class, right or wrong
    p_value: float  # McNemar, exact, two-sided
    per_class: tuple[ClassChange, ...]
    lost: tuple[Change, ...]  # right in A, wrong in B, where B is surest first
    won: tuple[Change, ...]  # wrong in A, right in B, where A is surest first

    @property
    def better(self) -> Literal["a", "b", "neither"]:
        """The net with fewer errors, if such a difference comes by chance in fewer than 1 of 20."""
        if self.p_value >= SIGNIFICANT:
            return "neither"
        return "b" if self.only_b > self.only_a else "a"

    def as_dict(self) -> dict[str, Any]:
        """The fields and the better net as JSON values."""
        return {"better": self.better, **asdict(self)}


def compare(a: Scored, b: Scored) -> Comparison:
    """Net B against net A.

    The images may come in another order and the classes be numbered otherwise; the protocols may
    differ, as those of nets with other input sides do.

    Raises:
        UserError: if the two were not scored on the same labelled images.
    """
    first, second = a.outcomes, outcomes_like(b, a)
    n, a_right, b_right = len(a), first.rank == 1, second.rank == 1
    only_a, only_b = int((a_right & ~b_right).sum()), int((~a_right & b_right).sum())
    return Comparison(
        n=n,
        a=_side(a, first),
        b=_side(b, second),
        difference=100.0 * (only_a - only_b) / n,
        difference_interval=difference_interval(only_a, only_b, n),
        loss_difference=mean(second.loss - first.loss),
        loss_difference_interval=mean_interval(second.loss - first.loss),
        both_right=int((a_right & b_right).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~a_right & ~b_right).sum()),
        agreement=int((first.predicted == second.predicted).sum()) / n,
        p_value=mcnemar(only_a, only_b),
        per_class=_per_class(first.truth, a_right, b_right, a.classes),
        lost=_changes(a, first, second, a_right & ~b_right, second.confidence),
        won=_changes(a, first, second, ~a_right & b_right, first.confidence),
    )


def _side(scored: Scored, found: Outcomes) -> Side:
    errors, n = int((found.rank > 1).sum()), len(found)
    return Side(
        model=scored.model,
        protocol=scored.protocol,
        top1_error=100.0 * errors / n,
        interval=error_interval(errors, n),
        loss=mean(found.loss),
    )


def _per_class(
    truth: npt.NDArray[np.int64],
    a_right: npt.NDArray[np.bool_],
    b_right: npt.NDArray[np.bool_],
    classes: Sequence[str],
) -> tuple[ClassChange, ...]:
    k = len(classes)

    def counted(chosen: npt.NDArray[np.bool_]) -> list[int]:
        return np.bincount(truth[chosen], minlength=k).tolist()

    n = np.bincount(truth, minlength=k).tolist()
    a_wrong, b_wrong = counted(~a_right), counted(~b_right)
    only_a, only_b = counted(a_right & ~b_right), counted(~a_right & b_right)
    p_values = holm([mcnemar(*pair) for pair in zip(only_a, only_b, strict=True)])
    return tuple(
        ClassChange(
            name=name,
            n=n[i],
            a_error=100.0 * a_wrong[i] / n[i] if n[i] else None,
            b_error=100.0 * b_wrong[i] / n[i] if n[i] else None,
            only_a=only_a[i],
            only_b=only_b[i],
            p_value=p_values[i],
        )
        for i, name in enumerate(classes)
    )


def _changes(
    scored: Scored,
    first: Outcomes,
    second: Outcomes,
    chosen: npt.NDArray[np.bool_],
    sureness: npt.NDArray[np.float64],
) -> tuple[Change, ...]:
    places = np.flatnonzero(chosen).tolist()
    places.sort(key=lambda i: (-sureness[i], scored.names[i]))
    return tuple(
        Change(
            name=scored.names[i],
            truth=scored.classes[first.truth[i]],
            a=scored.classes[first.predicted[i]],
            a_confidence=float(first.confidence[i]),
            b=scored.classes[second.predicted[i]],
            b_confidence=float(second.confidence[i]),
        )
        for i in places[:MOST_CHANGES]
    )
