"""Which class is taken for which, however many classes there are."""

from dataclasses import dataclass

import numpy as np

from convatlas.evaluation._scored import Scored

MOST_PAIRS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """Images of `truth` that were given `predicted`."""

    truth: str
    predicted: str
    n: int
    of: int  # all images of `truth`


def confused_pairs(scored: Scored, most: int = MOST_PAIRS) -> tuple[ConfusedPair, ...]:
    """The most frequent confusions; equally frequent ones in the order of the classes."""
    found, k = scored.outcomes, len(scored.classes)
    wrong = found.rank > 1
    pairs, counts = np.unique(found.truth[wrong] * k + found.predicted[wrong], return_counts=True)
    present = np.bincount(found.truth, minlength=k)
    order = np.argsort(-counts, kind="stable")[:most]
    return tuple(
        ConfusedPair(
            truth=scored.classes[pairs[i] // k],
            predicted=scored.classes[pairs[i] % k],
            n=int(counts[i]),
            of=int(present[pairs[i] // k]),
        )
        for i in order
    )
