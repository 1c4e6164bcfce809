"""Classes of unequal size: weights for the loss, and orders that show each class equally often."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._random import mixed, words
from convatlas.errors import UserError

_BETA = 0.999  # of the effective number; the paper tries 0.9 to 0.9999
_STREAM = -2  # beside the streams of orders and changes


def class_weights(
    labels: npt.NDArray[np.integer[Any]], classes: int, kind: Literal["inverse", "effective"]
) -> npt.NDArray[np.float64]:
    """A weight for each class, in the mean over the images 1: [classes].

    "inverse": one over the class's number of images. "effective": (1 - b) / (1 - b^n), b = 0.999,
    by which the ten-thousandth image of a class counts for less than the first.

    Raises:
        UserError: for a class without an image.

    Source: Cui et al., CVPR 2019 (arXiv:1901.05555), Eq. 2 and section 3.
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    if (counts == 0).any():
        empty = ", ".join(map(str, np.flatnonzero(counts == 0)[:5]))
        raise UserError(f"No image to train on has class number {empty}: it has no weight.")
    weights = 1 / counts if kind == "inverse" else (1 - _BETA) / (1 - _BETA**counts)
    found: npt.NDArray[np.float64] = weights * counts.sum() / (weights @ counts)
    return found


def balanced_order(
    labels: npt.NDArray[np.integer[Any]], *, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """As many images as there are, of every class equally many (one more or less), in random order.

    A class smaller than its part comes several times an epoch; of a larger one each epoch shows the
    next images of an order that begins anew, in another order, when all have been seen. Any epoch's
    order follows from (labels, seed, epoch) alone.
    """
    n = len(labels)
    present, own = np.unique(labels, return_inverse=True)
    by_class = np.argsort(own, kind="stable").astype(np.int64, copy=False)
    ends = np.cumsum(np.bincount(own))
    chosen = []
    for number, members in enumerate(np.split(by_class, ends[:-1])):
        first, last = (_part(e * n, number, len(present)) for e in (epoch, epoch + 1))
        chosen.append(_run_of(members, first, last, seed=seed))
    rows = np.concatenate(chosen)
    places = np.arange(len(rows), dtype=np.int64)
    ranks = words(places, seed=seed, epoch=epoch, stream=_STREAM)
    found: npt.NDArray[np.int64] = rows[np.argsort(ranks, kind="stable")]
    return found


def _part(images: int, number: int, classes: int) -> int:
    """How many of the first `images` places belong to class `number`: turn by turn."""
    return (images + classes - 1 - number) // classes


def _run_of(
    members: npt.NDArray[np.int64], first: int, last: int, *, seed: int
) -> npt.NDArray[np.int64]:
    """Places `first` to `last` of the members, which come round in ever new orders."""
    size = len(members)
    turns = np.arange(first // size, -(-last // size), dtype=np.int64)
    of_turn = words(turns, seed=seed, epoch=0, stream=_STREAM - 1)
    ranks = mixed(of_turn[:, None] ^ mixed(members.astype(np.uint64))[None, :])
    orders = members[np.argsort(ranks, axis=1, kind="stable")].ravel()
    start = first - first // size * size
    return orders[start : start + last - first]
