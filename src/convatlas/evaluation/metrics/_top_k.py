"""Errors among the k largest scores, for any k."""

from collections.abc import Sequence
from dataclasses import dataclass

from convatlas.errors import UserError
from convatlas.evaluation._scored import Scored
from convatlas.evaluation.metrics._intervals import Interval, error_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TopKError:
    """Images whose class is not among the k largest; ties count as errors."""

    k: int
    errors: int  # images
    error: float  # percent
    interval: Interval


def top_k_errors(scored: Scored, ks: Sequence[int]) -> tuple[TopKError, ...]:
    """The error for each of `ks`, in their order.

    Raises:
        UserError: if one is not between 1 and the number of classes.
    """
    return tuple(_top_k_error(scored, k) for k in ks)


def _top_k_error(scored: Scored, k: int) -> TopKError:
    classes, n = len(scored.classes), len(scored)
    if not 1 <= k <= classes:
        raise UserError(f"top-{k} error: there are {classes} classes, so k is 1 to {classes}.")
    errors = int((scored.outcomes.rank > k).sum())
    return TopKError(
        k=k, errors=errors, error=100.0 * errors / n, interval=error_interval(errors, n)
    )
