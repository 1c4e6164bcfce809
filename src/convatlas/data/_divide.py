"""Who divides the images: the person's folders, the publisher, or we."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from convatlas.data._scan import Look
from convatlas.data._split import Parts, Share, stratified
from convatlas.data._types import SplitName
from convatlas.errors import UserError

_MANY = 10_000  # training images of which a tenth is enough to choose by


class Divided(NamedTuple):
    """Positions per split, and how they were decided, for people."""

    parts: Parts
    notes: tuple[str, ...]


class _Item(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def split(self) -> SplitName | None: ...
    @property
    def look(self) -> Look: ...


def divide(
    items: Sequence[_Item],
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    hold_out: Sequence[Share],
    *,
    seed: int,
) -> Divided:
    """Keep a division that is complete, complete one that is not, make one where there is none.

    Raises:
        UserError: if a class has a single image to learn from and to be judged by.
    """
    given = np.array([item.split or "" for item in items])
    present = set(given.tolist())
    if present == {""}:
        parts = _take(items, labels, np.arange(len(items)), classes, hold_out, seed=seed)
        return Divided(parts, _undivided_notes(hold_out, seed))
    if present == {"train", "val", "test"}:
        parts = {name: np.flatnonzero(given == name) for name in ("train", "val", "test")}
        return Divided(parts, ("Training, validation and test images as the folders divide them.",))
    (final,) = present - {"train"}
    training = np.flatnonzero(given == "train")
    share = 0.10 if len(training) >= _MANY else 0.15
    parts = _take(items, labels, training, classes, [Share("val", share)], seed=seed)
    parts["test"] = np.flatnonzero(given == final)
    note = (
        f"{final}/ ({len(parts['test']):,} images) is the final test and never seen while "
        f"choosing; to choose by, {share:.0%} of each class of train/ ({len(parts['val']):,} "
        f"images) were set aside as validation, by a hash of seed {seed} and the image's name."
    )
    return Divided(parts, (note,))


def _take(
    items: Sequence[_Item],
    labels: npt.NDArray[np.int64],
    members: npt.NDArray[Any],
    classes: Sequence[str],
    shares: Sequence[Share],
    *,
    seed: int,
) -> Parts:
    _refuse_single_images(items, labels, members, classes)
    chosen = [items[i] for i in members]
    names, digests = [item.name for item in chosen], [item.look.digest for item in chosen]
    parts = stratified(labels[members], names, digests, shares, seed=seed)
    return {name: members[part] for name, part in parts.items()}


def _refuse_single_images(
    items: Sequence[_Item],
    labels: npt.NDArray[np.int64],
    members: npt.NDArray[Any],
    classes: Sequence[str],
) -> None:
    counts = Counter(labels[members].tolist())
    for i in members:
        if counts[label := int(labels[i])] == 1:
            raise UserError(
                f"Class {classes[label]!r} has one image only, {items[i].name!r}: a net cannot "
                "learn from it and be judged on it. Add images (20 or more) or remove the class."
            )


def _undivided_notes(hold_out: Sequence[Share], seed: int) -> tuple[str, ...]:
    words = {"val": "to choose by (validation)", "test": "for the final test"}
    held = " and ".join(f"{share:.0%} {words[split]}" for split, share in hold_out)
    return (
        f"Of each class {held} were set aside, by a hash of seed {seed} and the image's name; "
        "the rest is for training, copies of an image included.",
    )
