"""Dividing labelled images into parts, each class in proportion, the same way every time."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._types import SplitName

Parts = dict[SplitName, npt.NDArray[np.int64]]  # positions, ascending


class Share(NamedTuple):
    """A part that is taken from each class."""

    split: SplitName
    share: float  # of the class's images


def stratified(
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    digests: Sequence[bytes],
    shares: Sequence[Share],
    *,
    seed: int,
) -> Parts:
    """Take `shares` of every class, in that order; the rest is for training.

    Which images are taken is decided by a hash of (seed, name), so neither the order of the files
    nor images added later move the others about. Every part gets at least one image of a class as
    long as one is left for training. Images that occur more than once (equal `digests`) stay in
    training, so that no part is tested on what another has seen, unless a class has too few others.
    """
    copies = Counter(digests)
    ranks = [sha256(f"{seed}/{name}".encode()).digest() for name in names]
    parts: dict[SplitName, list[int]] = {"train": [], **{s.split: [] for s in shares}}
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=ranks.__getitem__)
        singles = [i for i in members if copies[digests[i]] == 1]
        takes = _how_many(len(members), shares)
        candidates = iter(singles if len(singles) >= sum(takes) else members)
        taken: set[int] = set()
        for share, count in zip(shares, takes, strict=True):
            chosen = [next(candidates) for _ in range(count)]
            parts[share.split] += chosen
            taken.update(chosen)
        parts["train"] += [i for i in members if i not in taken]
    return {split: np.array(sorted(members), np.int64) for split, members in parts.items()}


def _how_many(members: int, shares: Sequence[Share]) -> list[int]:
    left = members - 1
    counts = []
    for share in shares:
        count = min(left, max(1, round(share.share * members)))
        counts.append(count)
        left -= count
    return counts
