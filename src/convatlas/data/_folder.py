"""A folder of images as people keep it: `class/image`, or `train/class/image` with `test/...`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._names import Names
from convatlas.data._types import SPLITS, SplitName
from convatlas.data._walk import claims_to_be_image, is_folder, listed, shown, walk
from convatlas.errors import UserError

_WORDS: Mapping[SplitName, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


class Group(NamedTuple):
    """A class folder."""

    split: SplitName | None  # None if the folders do not divide the images
    label: str
    folder: str  # from the root on


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Everything below a folder that claims to be an image, in order: its path and 4 bytes each."""

    root: Path
    keys: Names  # paths from the root on, as the file system spells them
    group: npt.NDArray[np.int32]  # positions in `groups`
    groups: tuple[Group, ...]
    ignored: int  # files that are not images
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.group)

    @property
    def names(self) -> Names:
        """The files' names for people."""
        return Names(map(shown, self.keys))

    @property
    def divided(self) -> frozenset[SplitName]:
        """The splits that have a folder of their own."""
        return frozenset(group.split for group in self.groups if group.split)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the class folders, each once."""
        return tuple(sorted({group.label for group in self.groups}))

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """For each image the position of its class."""
        position = {label: place for place, label in enumerate(self.classes)}
        return np.array([position[group.label] for group in self.groups], np.int32)[self.group]

    def of(self, split: SplitName) -> npt.NDArray[np.int64]:
        """Numbers of the images that lie in the folder of that split."""
        return np.flatnonzero(np.array([g.split == split for g in self.groups], bool)[self.group])


class _Part(NamedTuple):
    """What lies below some class folders."""

    found: list[tuple[Group, Names]]  # class folders with images
    ignored: int
    notes: list[str]


def list_folder(root: Path) -> Listing:
    """Find the images of a folder and the classes its sub-folders name.

    Raises:
        UserError: if it cannot be read, or holds no image in a class folder, or one class only, or
            if its training and test folders disagree on the classes.
    """
    listing = find_images(root)
    _check_classes(listing)
    return listing


def find_images(root: Path) -> Listing:
    """The images of a folder as `list_folder` finds them, whatever classes there are.

    Raises:
        UserError: if the folder cannot be read.
    """
    try:
        entries = listed(os.fspath(root))
        part = _divided(root, entries) or _without_training(root, entries)
        found, ignored, notes = part or _undivided(root, entries, None)
    except OSError as error:
        where = shown(os.fsdecode(error.filename or root))
        raise UserError(f"Cannot read folder {where!r}: {error.strerror}.") from error
    sizes = [len(keys) for _, keys in found]
    return Listing(
        root,
        Names(key for _, keys in found for key in keys),
        np.repeat(np.arange(len(found), dtype=np.int32), sizes),
        tuple(group for group, _ in found),
        ignored,
        tuple(notes),
    )


def split_called(name: str) -> SplitName | None:
    """The split that goes by that name."""
    return next((split for split in SPLITS if name.lower() in _WORDS[split]), None)


def _divided(root: Path, entries: Sequence[os.DirEntry[str]]) -> _Part | None:
    """What lies in `train/`, `val/`, `test/`, or None if the folder is not kept that way."""
    folders: dict[SplitName, os.DirEntry[str]] = {}
    others = []
    for entry in filter(is_folder, entries):
        split = split_called(entry.name)
        if split and split not in folders:
            folders[split] = entry
        else:
            others.append(entry.name)
    if "train" not in folders or (len(folders) == 1 and others):
        return None
    notes = [f"Not used: {shown(name)!r}, beside the folder of training images." for name in others]
    found: list[tuple[Group, Names]] = []
    ignored = 0
    for split in sorted(folders, key=SPLITS.index):
        part = _undivided(root, listed(folders[split].path), split if len(folders) > 1 else None)
        found += part.found
        ignored += part.ignored
        notes += part.notes
        if split != "train" and not part.found:
            notes.append(f"{folders[split].name!r} has no class folders with images: not used.")
    if len({group.split for group, _ in found}) == 1:
        found = [(group._replace(split=None), keys) for group, keys in found]
    return _Part(found, ignored, notes)


def _without_training(root: Path, entries: Sequence[os.DirEntry[str]]) -> _Part | None:
    """What lies in `val/` or `test/` or both alone, with class folders in each, or None."""
    folders = [entry for entry in entries if is_folder(entry)]
    splits = [split_called(entry.name) for entry in folders]
    if not folders or None in splits or len(set(splits)) < len(splits):
        return None
    parts = [
        _undivided(root, listed(folder.path), split)
        for folder, split in zip(folders, splits, strict=True)
    ]
    if not all(part.found for part in parts):  # their images make them classes
        return None
    return _Part(
        [each for part in parts for each in part.found],
        sum(part.ignored for part in parts),
        [note for part in parts for note in part.notes],
    )


def _undivided(root: Path, entries: Sequence[os.DirEntry[str]], split: SplitName | None) -> _Part:
    """What lies in class folders."""
    start = len(os.path.join(root, ""))
    found: list[tuple[Group, Names]] = []
    notes: list[str] = []
    ignored = outside = 0
    for entry in entries:
        if not is_folder(entry):
            outside += claims_to_be_image(entry)
            continue
        below = walk(entry.path)
        ignored += below.ignored
        if below.images:
            group = Group(split, shown(entry.name), shown(entry.path[start:]))
            found.append((group, Names(path[start:] for path in below.images)))
        else:
            notes.append(f"Folder {shown(entry.name)!r} holds no images and is not a class.")
    if outside:
        where = f"{split}/" if split else "the folder"
        notes.append(f"Not used: {outside} images directly in {where}, outside the class folders.")
    return _Part(found, ignored, notes)


def _check_classes(listing: Listing) -> None:
    where = shown(os.fspath(listing.root))
    advice = "Put the images of each class into a folder of their own: cats/1.jpg, dogs/1.jpg."
    classes = listing.classes
    if not classes:
        raise UserError(f"{where!r} holds no images in class folders. {advice}")
    if len(classes) == 1:
        raise UserError(
            f"{where!r} has one class only, {classes[0]!r}; at least two are needed. {advice}"
        )
    if listing.divided and "train" not in listing.divided:
        there = " and ".join(f"{split}/" for split in SPLITS if split in listing.divided)
        raise UserError(
            f"{where!r} has {there}, but no train/ to learn from. Add train/ with the same class "
            "folders, or give a folder of class folders itself."
        )
    for split in sorted(listing.divided - {"train"}, key=SPLITS.index):
        train, other = (
            {group.label for group in listing.groups if group.split == s} for s in ("train", split)
        )
        if train != other:
            raise UserError(
                f"{where!r}: train/ and {split}/ have different classes. "
                f"Only in train/: {_quoted(train - other)}. Only in {split}/: "
                f"{_quoted(other - train)}. Give both the same class folders, with images in each."
            )


def _quoted(names: set[str]) -> str:
    first = sorted(names)[:5]
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(map(repr, first)) + rest) or "none"
