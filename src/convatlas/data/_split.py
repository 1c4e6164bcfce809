"""Dividing labelled images into parts, each class in proportion, the same way every time."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._types import SplitName

Parts = dict[SplitName, npt.NDArray[np.int64]]  # positions, ascending


class Share(NamedTuple):
    """A part that is taken from each class."""

    split: SplitName
    share: float  # of the class's images


def stratified(
    labels: npt.NDArray[np.integer[Any]],
    names: Iterable[str],
    single: npt.NDArray[np.bool_],
    shares: Sequence[Share],
    *,
    seed: int,
) -> Parts:
    """Take `shares` of every class, in that order; the rest is for training.

    Which images are taken is decided by a hash of (seed, name), so neither the order of the files
    nor images added later move the others about. Every part gets at least one image of a class as
    long as one is left for training. Images that occur more than once (not `single`) stay in
    training, so that no part is tested on what another has seen, unless a class has too few others.
    """
    part = np.zeros(len(labels), np.int8)  # 0: training; else the share's number, from 1
    high, low = _ranks(names, seed)
    in_order = np.lexsort((low, high, labels))
    ends = np.flatnonzero(np.diff(labels[in_order])) + 1
    for members in np.split(in_order, ends):
        singles = members[single[members]]
        takes = _how_many(len(members), shares)
        candidates = singles if len(singles) >= sum(takes) else members
        start = 0
        for number, count in enumerate(takes, 1):
            part[candidates[start : start + count]] = number
            start += count
    held = {share.split: np.flatnonzero(part == n) for n, share in enumerate(shares, 1)}
    return {"train": np.flatnonzero(part == 0), **held}


def _ranks(names: Iterable[str], seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The first 16 bytes of each name's hash as two words that sort as the bytes do."""
    digests = bytearray()
    for name in names:
        digests += sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()[:16]
    words = np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64)
    return words[:, 0], words[:, 1]


def _how_many(members: int, shares: Sequence[Share]) -> list[int]:
    left = members - 1
    counts = []
    for share in shares:
        count = min(left, max(1, round(share.share * members)))
        counts.append(count)
        left -= count
    return counts
