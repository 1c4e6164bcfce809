"""A folder of images as people keep it: `class/image`, or `train/class/image` with `test/...`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convatlas.data._types import SPLITS, SplitName
from convatlas.data._walk import claims_to_be_image, is_folder, listed, shown, walk
from convatlas.errors import UserError

_WORDS: Mapping[SplitName, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """An image file: where it is and what its folders say about it."""

    path: str
    split: SplitName | None  # None if the folders do not divide the images
    label: str  # class folder


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything below a folder that claims to be an image, in order."""

    root: Path
    files: tuple[Found, ...]
    ignored: int  # files that are not images
    notes: tuple[str, ...]

    def name(self, found: Found) -> str:
        """The file's name for people, from the root on."""
        return shown(self.key(found))

    def key(self, found: Found) -> str:
        """The file's path from the root on, as the file system spells it."""
        return found.path[len(os.path.join(self.root, "")) :]

    @property
    def divided(self) -> frozenset[SplitName]:
        """The splits that have a folder of their own."""
        return frozenset(found.split for found in self.files if found.split)


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
        found = _divided(root, entries) or _without_training(root, entries)
        return found or _undivided(root, entries, None)
    except OSError as error:
        where = shown(os.fsdecode(error.filename or root))
        raise UserError(f"Cannot read folder {where!r}: {error.strerror}.") from error


def _divided(root: Path, entries: Sequence[os.DirEntry[str]]) -> Listing | None:
    """The listing of `train/`, `val/`, `test/`, or None if the folder is not kept that way."""
    folders: dict[SplitName, os.DirEntry[str]] = {}
    others = []
    for entry in filter(is_folder, entries):
        split = next((s for s in SPLITS if entry.name.lower() in _WORDS[s]), None)
        if split and split not in folders:
            folders[split] = entry
        else:
            others.append(entry.name)
    if "train" not in folders or (len(folders) == 1 and others):
        return None
    notes = [f"Not used: {shown(name)!r}, beside the folder of training images." for name in others]
    files: list[Found] = []
    ignored = 0
    for split in sorted(folders, key=SPLITS.index):
        part = _undivided(root, listed(folders[split].path), split if len(folders) > 1 else None)
        files += part.files
        ignored += part.ignored
        notes += part.notes
        if split != "train" and not part.files:
            notes.append(f"{folders[split].name!r} has no class folders with images: not used.")
    if len({found.split for found in files}) == 1:
        files = [Found(found.path, None, found.label) for found in files]
    return Listing(root, tuple(files), ignored, tuple(notes))


def _without_training(root: Path, entries: Sequence[os.DirEntry[str]]) -> Listing | None:
    """The listing of `val/` or `test/` or both alone, with class folders in each, or None."""
    folders = [entry for entry in entries if is_folder(entry)]
    splits = [next((s for s in SPLITS if e.name.lower() in _WORDS[s]), None) for e in folders]
    if not folders or None in splits or len(set(splits)) < len(splits):
        return None
    parts = [
        _undivided(root, listed(folder.path), split)
        for folder, split in zip(folders, splits, strict=True)
    ]
    if not all(part.files for part in parts):  # their images make them classes
        return None
    return Listing(
        root,
        tuple(found for part in parts for found in part.files),
        sum(part.ignored for part in parts),
        tuple(note for part in parts for note in part.notes),
    )


def _undivided(root: Path, entries: Sequence[os.DirEntry[str]], split: SplitName | None) -> Listing:
    """The listing of class folders."""
    files: list[Found] = []
    notes: list[str] = []
    ignored = outside = 0
    for entry in entries:
        if not is_folder(entry):
            outside += claims_to_be_image(entry)
            continue
        below = walk(entry.path)
        ignored += below.ignored
        files += [Found(path, split, shown(entry.name)) for path in below.images]
        if not below.images:
            notes.append(f"Folder {shown(entry.name)!r} holds no images and is not a class.")
    if outside:
        where = f"{split}/" if split else "the folder"
        notes.append(f"Not used: {outside} images directly in {where}, outside the class folders.")
    return Listing(root, tuple(files), ignored, tuple(notes))


def _check_classes(listing: Listing) -> None:
    where = shown(os.fspath(listing.root))
    advice = "Put the images of each class into a folder of their own: cats/1.jpg, dogs/1.jpg."
    classes = sorted({found.label for found in listing.files})
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
            {found.label for found in listing.files if found.split == s} for s in ("train", split)
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
