"""From what a person names to the images that lie there, not yet looked at."""

import os
from difflib import get_close_matches
from pathlib import Path

from convatlas.data._collection import Collection, Origin, check_learnable, part_numbers
from convatlas.data._digits import collect_digits
from convatlas.data._fashion import collect_fashion_mnist
from convatlas.data._folder import Listing, list_folder
from convatlas.data._progress import Progress
from convatlas.data._sources import FileImages
from convatlas.data._stamps import stamps_of
from convatlas.data._walk import shown
from convatlas.data.formats import (
    collect_cifar,
    collect_idx,
    collect_list,
    collect_shards,
    find_cifar,
    find_idx,
    is_list,
    shard_sets,
    synset_titles,
)
from convatlas.data.packed import collect_packed, is_packed
from convatlas.errors import UserError

BUILT_IN = ("digits", "fashion-mnist")


def collect(where: str, *, progress: Progress | None = None) -> Collection:
    """The images that `where` names (see `open_dataset`), with labels.

    Raises:
        UserError: if there is no such data set or it cannot be learned from; the message says why.
    """
    if where == "digits":
        return collect_digits()
    if where == "fashion-mnist":
        return collect_fashion_mnist(progress)
    try:
        path = Path(where).expanduser()
        collection = _at(path, where, progress)
    except OSError as error:
        name = shown(os.fsdecode(error.filename or where))
        raise UserError(f"Cannot read {name!r}: {error.strerror}.") from error
    check_learnable(collection)
    return collection


def _at(path: Path, where: str, progress: Progress | None) -> Collection:
    kind = _kind(path)
    if kind == "nothing" and not where.endswith(".tar"):
        raise UserError(_no_data(where, is_file=False))
    if kind == "file" and is_list(path):
        return collect_list(path)
    if kind == "file" and is_packed(path):
        return collect_packed(path, progress=progress)
    if kind == "folder" and (layout := find_cifar(path)):
        return collect_cifar(path, layout)
    if kind == "folder" and (files := find_idx(path)):
        return collect_idx(path, files)
    if sets := shard_sets(where):
        return collect_shards(where, sets, progress=progress)
    if kind != "folder":
        raise UserError(_no_data(where, is_file=kind == "file"))
    return collect_listing(list_folder(path))


def _kind(path: Path) -> str:
    """What is there: "file", "folder" or "nothing"."""
    try:
        return "folder" if path.is_dir() else "file" if path.exists() else "nothing"
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return "nothing"


def _no_data(where: str, *, is_file: bool) -> str:
    if is_file:
        return (
            f"{shown(where)!r} is a file; a folder is needed. Unpack it if it is an archive. Files "
            "that are data sets themselves: .tar shards, .csv and .tsv lists, packed images."
        )
    nearest = get_close_matches(where, BUILT_IN, n=1, cutoff=0.7)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return (
        f"No data set at {where!r}: it does not exist.{hint} Give a folder with one sub-folder of "
        f"images per class, or one of: {', '.join(BUILT_IN)}."
    )


def collect_listing(listing: Listing) -> Collection:
    """The images of class folders."""
    source = FileImages(os.fspath(listing.root), listing.keys)
    classes = listing.classes
    n = len(listing)
    return Collection(
        origin=Origin(
            name=shown(listing.root.resolve().name or os.fspath(listing.root)),
            kind="folder",
            classes=classes,
            titles=synset_titles(listing.root, classes),
            notes=listing.notes,
            ignored=listing.ignored,
        ),
        where=shown(os.fspath(listing.root)),
        names=listing.names,
        labels=listing.labels,
        parts=part_numbers(group.split for group in listing.groups)[listing.group],
        source=source,
        stamps=lambda: stamps_of((source.path(i) for i in range(n)), n),
    )
