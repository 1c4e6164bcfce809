"""Labelled images as they are found, before anyone has looked at them: columns, not objects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._names import Names
from convatlas.data._scan import Looks
from convatlas.data._split import Share
from convatlas.data._types import SPLITS, ImageSource, Kind, SplitName, Unreadable
from convatlas.errors import UserError

HOLD_OUT = (Share("test", 0.15), Share("val", 0.15))
UNDIVIDED = -1  # as the number of a split


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the images come from and what is known before they are divided."""

    name: str
    kind: Kind
    classes: tuple[str, ...]
    titles: tuple[str, ...] = ()  # the classes in words; empty: as they are
    notes: tuple[str, ...] = ()
    ignored: int = 0
    unreadable: tuple[Unreadable, ...] = ()  # left out before, by whoever packed the others
    flip: bool | None = None  # None: colour images may be mirrored, grey ones not
    hold_out: tuple[Share, ...] = HOLD_OUT  # where nobody has divided the images
    form: str = ""  # what was done to the pixels since they were looked at: "short side 64"


class Stamps(NamedTuple):
    """What tells of each image that its file is as it was."""

    sizes: npt.NDArray[np.int64]  # [n], -1 where there is no file
    times: npt.NDArray[np.int64]  # [n], of the last change, ns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection:
    """Images by number, with what is said of them.

    `source.picture` raises `Undecodable` for an image that cannot be read.
    """

    origin: Origin
    where: str  # as a person can find it, for messages
    names: Names  # all different: "train/cat/0001.jpg"
    labels: npt.NDArray[np.int32]  # [n], positions in origin.classes
    parts: npt.NDArray[np.int8]  # [n], positions in SPLITS, or UNDIVIDED
    source: ImageSource
    stamps: Callable[[], Stamps]
    in_files: bool = True  # whether looking at an image means decoding it
    looks: Looks | None = None  # where they are known already

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self, stamps: Stamps) -> str:
        """Of names, labels, classes, division and stamps: whether the source is as it was."""
        told = ("", self.origin.kind, self.origin.form, *self.origin.classes)
        digest = sha256("\0".join(told).encode("utf-8", "surrogateescape"))
        for name in self.names:
            digest.update(f"\0{name}".encode("utf-8", "surrogateescape"))
        for column in (self.labels, self.parts, *stamps):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()[:32]


def part_numbers(splits: Iterable[SplitName | None]) -> npt.NDArray[np.int8]:
    """Splits as the numbers of a column."""
    number = {name: place for place, name in enumerate(SPLITS)}
    return np.fromiter((UNDIVIDED if s is None else number[s] for s in splits), np.int8)


def check_learnable(collection: Collection) -> None:
    """Refuse what no net can learn from: one class, no training images, classes without any.

    Raises:
        UserError: naming what is missing.
    """
    where, classes = collection.where, collection.origin.classes
    present = sorted(set(np.unique(collection.labels).tolist()))
    if len(present) < 2:
        only = f"one class only, {classes[present[0]]!r}" if present else "no images"
        raise UserError(f"{where!r} has {only}; images of at least two classes are needed.")
    given = set(np.unique(collection.parts).tolist())
    if given == {UNDIVIDED}:
        return
    if UNDIVIDED in given:
        first = collection.names[int((collection.parts == UNDIVIDED).argmax())]
        raise UserError(
            f"{where!r} says of some images which split they belong to, and of others not: "
            f"{first!r}, for one. Divide all of them or none."
        )
    if SPLITS.index("train") not in given:
        there = " and ".join(SPLITS[part] for part in sorted(given))
        raise UserError(f"{where!r} has images for {there}, but none to train on. Add some.")
    for part in sorted(given - {SPLITS.index("train")}):
        _check_known(collection, part)


def _check_known(collection: Collection, part: int) -> None:
    """What is scored must have been learned."""
    train, other = (
        set(np.unique(collection.labels[collection.parts == number]).tolist())
        for number in (SPLITS.index("train"), part)
    )
    if strange := sorted(other - train):
        classes = collection.origin.classes
        first = ", ".join(repr(classes[label]) for label in strange[:5])
        raise UserError(
            f"{collection.where!r} has {len(strange)} classes in {SPLITS[part]} without images to "
            f"train on: {first}. Add training images of them, or leave those images away."
        )
