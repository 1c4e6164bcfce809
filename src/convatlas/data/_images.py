"""Labelled images for scoring: nothing decoded before its turn, however many there are."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._folder import Listing, find_images
from convatlas.data._names import Names
from convatlas.data._open import BUILT_IN, open_dataset
from convatlas.data._picture import Picture
from convatlas.data._progress import Progress
from convatlas.data._relabel import labelled_as, numbering, remark_on_order
from convatlas.data._shard_labels import class_list, number_labels
from convatlas.data._shards import index_shards
from convatlas.data._sources import FileImages
from convatlas.data._stamps import stamp_of
from convatlas.data._types import SPLITS, ImageSource, Split, SplitName, Unreadable
from convatlas.data._walk import shown
from convatlas.data.formats import ShardSets, shard_sets
from convatlas.errors import UserError

Part = Literal["train", "val", "test", "all"]
PARTS: tuple[Part, ...] = (*SPLITS, "all")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Images with labels that number a model's classes.

    `source.picture` raises `Undecodable` for an image that cannot be read. Pickled for other
    processes it is small: places and labels, never pixels of files.
    """

    name: str
    part: Part
    labels: npt.NDArray[np.int64]  # [n]
    names: Sequence[str]  # one per image, all different
    source: ImageSource
    fingerprint: str  # of names, labels and what tells that the images are the same
    notes: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()  # left out before: they have no number

    def __len__(self) -> int:
        return len(self.labels)


def open_images(
    where: str,
    part: Part | None,
    classes: Sequence[str],
    *,
    seed: int = 0,
    unreadable: Literal["skip", "refuse"] = "refuse",
    progress: Progress | None = None,
) -> Images:
    """The images of `part` of what `where` names, labelled as `classes`, a model's, are numbered.

    Images are looked at beforehand only where a part has to be chosen among undivided ones. Of tar
    shards and of parts that have folders or shards of their own just names and places are read.

    Args:
        where: as in `open_dataset`.
        part: None is "all" of undivided shards, else "test"; "all" is every image once.

    Raises:
        UserError: if there is no such data set, or a label is outside the classes.
    """
    if part is not None and part not in PARTS:
        raise UserError(f"No split named {part!r}. Give one of: {', '.join(PARTS)}.")
    sets = {} if where in BUILT_IN else shard_sets(where)
    if shards := _streamed_shards(sets, part, where):
        return _of_shards(where, shards, part or ("all" if None in sets else "test"), classes,
                          progress)  # fmt: skip
    part = part or "test"
    root = Path(where).expanduser()
    if where not in BUILT_IN and not sets and root.is_dir():
        listing = find_images(root)
        files = _streamed(listing, part) if len(listing) else None
        if files is not None:
            return _of_files(listing, files, part, classes)
    dataset = open_dataset(where, seed=seed, unreadable=unreadable, progress=progress)
    names: tuple[SplitName, ...] = SPLITS if part == "all" else (part,)
    splits = [labelled_as(dataset, name, tuple(classes)) for name in names]
    return Images(
        name=dataset.name,
        part=part,
        labels=np.concatenate([split.labels for split in splits]),
        names=Names(name for split in splits for name in split.names),
        source=_Chained.of(splits),
        fingerprint=dataset.fingerprint,
        notes=(*dataset.notes, *remark_on_order(dataset.classes, classes)),
        unreadable=dataset.scan.unreadable,
    )


def _streamed(listing: Listing, part: Part) -> npt.NDArray[np.int64] | None:
    """Numbers of the files of `part` where the folders say them, else None."""
    if part == "all":
        return np.arange(len(listing))
    own = _own_part(listing.divided, part)
    return None if own is None else listing.of(own)


def _own_part(divided: frozenset[SplitName], part: SplitName) -> SplitName | None:
    """The division that is scored as `part` where the data's own says it, else None."""
    if part == "test" and len(divided - {"train"}) == 1:  # only one to test on, val/ or test/
        (own,) = divided - {"train"}
        return own
    return part if len(divided) == 3 or (part in divided and "train" not in divided) else None


def _of_files(
    listing: Listing, members: npt.NDArray[np.int64], part: Part, classes: Sequence[str]
) -> Images:
    if not len(members):
        raise UserError(
            f"{str(listing.root)!r} holds no images in class folders. Put the images of each class "
            "into a folder of their own: cats/1.jpg, dogs/1.jpg."
        )
    groups = [listing.groups[i] for i in np.unique(listing.group[members])]
    own = sorted({group.label for group in groups})
    position = dict(zip(own, numbering(own, classes).tolist(), strict=True))
    by_group = np.array([position.get(group.label, -1) for group in listing.groups], np.int64)
    labels = by_group[listing.group[members]]
    keys = listing.keys.chosen(members.tolist())
    names = Names(map(shown, keys))
    source = FileImages(os.fspath(listing.root), keys)
    how = "Every image once" if part == "all" else f"The {part} images as the folders divide them"
    note = f"{how}: {len(members):,} files, each decoded when its turn comes."
    return Images(
        name=listing.root.resolve().name,
        part=part,
        labels=labels,
        names=names,
        source=source,
        fingerprint=_stamps(names, source, labels),
        notes=(note, *listing.notes, *remark_on_order(own, classes)),
    )


def _streamed_shards(sets: ShardSets, part: Part | None, where: str) -> tuple[str, ...]:
    """The shards that hold `part` and nothing else; none if it has to be chosen among images."""
    if None in sets:
        if part not in (None, "all"):
            raise UserError(
                f"The shards of {where!r} are not divided into splits, so there is no {part!r}. "
                "Give the shards of that split, with --split all."
            )
        return sets[None]
    if part == "all":
        return tuple(path for paths in sets.values() for path in paths)
    own = _own_part(frozenset(split for split in sets if split), part or "test")
    return () if own is None else sets[own]


def _of_shards(
    where: str,
    paths: Sequence[str],
    part: Part,
    classes: Sequence[str],
    progress: Progress | None,
) -> Images:
    index = index_shards(paths, progress=progress)
    spelt = np.frombuffer(index.label, np.int32)
    first = {text: index.names[int((spelt == i).argmax())] for text, i in index.labels.items()}
    found = number_labels(first, classes, class_list(paths[0]))
    passed = tuple(
        f"{count:,} files ending in .{ending} belong to samples but are not their image."
        for ending, count in index.others.items()
    )
    return Images(
        name=Path(where).name,
        part=part,
        labels=found.numbers[spelt],
        names=index.names,
        source=index,
        fingerprint=index.fingerprint(),
        notes=(f"{len(index):,} images in {len(paths):,} tar shards.", *found.notes, *passed),
    )


def _stamps(names: Names, source: FileImages, labels: npt.NDArray[np.int64]) -> str:
    """Of every file's name, size, time and label: another file in its place is noticed."""
    digest = sha256(labels.astype("<i8").tobytes())
    for index, name in enumerate(names):
        told = f"\0{name}\0{stamp_of(source.path(index))}"
        digest.update(told.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Chained:
    """The images of several splits, one split behind another."""

    sources: tuple[ImageSource, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, splits: Iterable[Split]) -> "_Chained":
        splits = tuple(splits)
        starts = accumulate((len(split) for split in splits[:-1]), initial=0)
        return cls(tuple(split.source for split in splits), tuple(starts))

    def picture(self, index: int) -> Picture:
        which = bisect_right(self.starts, index) - 1
        return self.sources[which].picture(index - self.starts[which])
