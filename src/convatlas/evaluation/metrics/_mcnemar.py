"""Whether two nets differ on the same images by more than chance."""

from collections.abc import Sequence
from math import exp, fsum, lgamma, log


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value: of the images that one net alone gets right, half are each one's.

    min(1, 2 P(X <= min(only_a, only_b))), X binomial (only_a + only_b, 1/2). Where the nets never
    disagree it is 1.

    Source: McNemar, Psychometrika 12 (1947) 153-157; the exact form is the sign test.
    """
    n, fewer = only_a + only_b, min(only_a, only_b)
    if 2 * fewer == n:
        return 1.0
    terms = (_log_choose(n, i) - n * log(2) for i in range(fewer, -1, -1))
    return min(1.0, 2 * fsum(map(exp, terms)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted for having asked that often.

    Source: Holm, Scand. J. Statist. 6 (1979) 65-70.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
