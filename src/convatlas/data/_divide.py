"""Who divides the images: the person's folders, the publisher, or we."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._collection import UNDIVIDED
from convatlas.data._names import Names
from convatlas.data._scan import find_copies
from convatlas.data._split import Parts, Share, stratified
from convatlas.data._types import SPLITS
from convatlas.errors import UserError

_MANY = 10_000  # training images of which a tenth is enough to choose by


class Labelling(NamedTuple):
    """What is said of readable images."""

    names: Names
    labels: npt.NDArray[np.int64]
    parts: npt.NDArray[np.int8]  # positions in SPLITS, or UNDIVIDED
    digests: npt.NDArray[np.uint8]  # [n, 16], of their pixels
    classes: tuple[str, ...]


class Divided(NamedTuple):
    """Positions per split, and how they were decided, for people."""

    parts: Parts
    notes: tuple[str, ...]


def divide(images: Labelling, hold_out: Sequence[Share], *, seed: int) -> Divided:
    """Keep a division that is complete, complete one that is not, make one where there is none.

    Raises:
        UserError: if a class has a single image to learn from and to be judged by.
    """
    given = set(np.unique(images.parts).tolist())
    if given == {UNDIVIDED}:
        everything = np.arange(len(images.labels))
        parts = _take(images, everything, hold_out, seed=seed)
        return Divided(parts, _undivided_notes(hold_out, seed))
    own: Parts = {name: np.flatnonzero(images.parts == i) for i, name in enumerate(SPLITS)}
    if given == {0, 1, 2}:
        return Divided(own, ("Training, validation and test images as the folders divide them.",))
    (final,) = (name for name in SPLITS[1:] if len(own[name]))
    share = 0.10 if len(own["train"]) >= _MANY else 0.15
    parts = _take(images, own["train"], [Share("val", share)], seed=seed)
    parts["test"] = own[final]
    note = (
        f"{final}/ ({len(parts['test']):,} images) is the final test and never seen while "
        f"choosing; to choose by, {share:.0%} of each class of train/ ({len(parts['val']):,} "
        f"images) were set aside as validation, by a hash of seed {seed} and the image's name."
    )
    return Divided(parts, (note,))


def _take(
    images: Labelling, members: npt.NDArray[np.int64], shares: Sequence[Share], *, seed: int
) -> Parts:
    labels = images.labels[members]
    _refuse_single_images(images, labels, members)
    names = (images.names[i] for i in members.tolist())
    single = find_copies(images.digests[members]).single
    parts = stratified(labels, names, single, shares, seed=seed)
    return {name: members[part] for name, part in parts.items()}


def _refuse_single_images(
    images: Labelling, labels: npt.NDArray[np.int64], members: npt.NDArray[np.int64]
) -> None:
    counts = np.bincount(labels)
    alone = members[counts[labels] == 1]
    if len(alone):
        raise UserError(
            f"Class {images.classes[images.labels[alone[0]]]!r} has one image only, "
            f"{images.names[int(alone[0])]!r}: a net cannot learn from it and be judged on it. Add "
            "images (20 or more) or remove the class."
        )


def _undivided_notes(hold_out: Sequence[Share], seed: int) -> tuple[str, ...]:
    words = {"val": "to choose by (validation)", "test": "for the final test"}
    held = " and ".join(f"{share:.0%} {words[split]}" for split, share in hold_out)
    return (
        f"Of each class {held} were set aside, by a hash of seed {seed} and the image's name; "
        "the rest is for training, copies of an image included.",
    )
