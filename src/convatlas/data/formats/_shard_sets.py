"""Tar shards as a data set: which of them belong to which split, and what their labels mean."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convatlas.data._collection import Collection, Origin, Stamps, part_numbers
from convatlas.data._folder import split_called
from convatlas.data._progress import Progress
from convatlas.data._shard_labels import CLASS_LIST, class_list
from convatlas.data._shards import ShardIndex, index_shards, shard_paths
from convatlas.data._stamps import stamps_of
from convatlas.data._types import SPLITS, SplitName
from convatlas.data._walk import is_folder, listed, shown
from convatlas.errors import UserError

ShardSets = Mapping[SplitName | None, tuple[str, ...]]


def shard_sets(where: str) -> ShardSets:
    """The shards that `where` names, by split; None is the only key where they are not divided.

    A folder's shards are divided by their names (`train-000.tar`, `imagenet_val_07.tar`) or by
    folders of shards (`train/000.tar`). Empty if `where` names no shards.

    Raises:
        UserError: if some shards of a folder name a split and others do not.
    """
    paths = shard_paths(where)
    root = Path(where).expanduser()
    if not root.is_dir():
        return {None: paths} if paths else {}
    if not paths:
        return _in_folders(root)
    sets: dict[SplitName | None, tuple[str, ...]] = {}
    for path in paths:
        split = _split_in(os.path.basename(path))
        sets[split] = (*sets.get(split, ()), path)
    if len(sets) > 1 and None in sets:
        raise UserError(
            f"{where!r} holds {shown(os.path.basename(sets[None][0]))!r}, whose name says no "
            "split, beside shards whose names do. Call all of them train-..., val-... or test-..., "
            "or none."
        )
    return {None: paths} if set(sets) == {"train"} else sets


def _split_in(name: str) -> SplitName | None:
    """The split that a part of a shard's name says."""
    words = re.split(r"[^A-Za-z]+", name.removesuffix(".tar"))
    return next((split for word in words if (split := split_called(word))), None)


def _in_folders(root: Path) -> ShardSets:
    """Shards in folders that are called by the splits, and nothing but such folders."""
    try:
        folders = [entry for entry in listed(os.fspath(root)) if is_folder(entry)]
        sets = {split_called(entry.name): shard_paths(entry.path) for entry in folders}
    except OSError:
        return {}
    whole = None not in sets and len(sets) == len(folders) and all(sets.values())
    return sets if whole else {}


def collect_shards(where: str, sets: ShardSets, *, progress: Progress | None) -> Collection:
    """The images of shards, found by their headers.

    Raises:
        UserError: if a shard is damaged, an image has no label, or a label is outside the classes.
    """
    in_order = sorted(sets, key=lambda split: -1 if split is None else SPLITS.index(split))
    paths = [path for split in in_order for path in sets[split]]
    index = index_shards(paths, progress=progress)
    classes, positions, notes = _classes(index, where)
    of_shard = part_numbers([split for split in in_order for _ in sets[split]])
    shard = np.frombuffer(index.shard, np.int32)
    passed = tuple(
        f"{count:,} files ending in .{ending} belong to samples but are not their image."
        for ending, count in index.others.items()
    )
    return Collection(
        origin=Origin(
            name=_name(where),
            kind="shards",
            classes=classes,
            notes=(f"{len(index):,} images in {len(paths):,} tar shards.", *notes, *passed),
        ),
        where=where,
        names=index.names,
        labels=positions[np.frombuffer(index.label, np.int32)],
        parts=of_shard[shard],
        source=index,
        stamps=lambda: _stamps(index, shard),
    )


def _name(where: str) -> str:
    return shown(Path(where).expanduser().resolve().name.removesuffix(".tar"))


def _stamps(index: ShardIndex, shard: npt.NDArray[np.int32]) -> Stamps:
    """An image's size, and the time at which its shard was written."""
    times = stamps_of(index.paths, len(index.paths)).times
    return Stamps(np.frombuffer(index.size, np.int64), times[shard])


def _classes(
    index: ShardIndex, where: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int32], tuple[str, ...]]:
    """The classes, for each spelling of a label its position among them, and remarks."""
    spelt = list(index.labels)
    folder = Path(where).expanduser()
    beside = [index.paths[0], *([os.fspath(folder / CLASS_LIST)] if folder.is_dir() else [])]
    own = next((names for path in beside if (names := class_list(path))), None)
    numbered = all(text.isascii() and text.isdigit() and len(text) < 10 for text in spelt)
    if own is None:
        classes = tuple(map(str, sorted(map(int, spelt)))) if numbered else tuple(sorted(spelt))
        classes = tuple(dict.fromkeys(classes))
        told = f"The classes are called by numbers; {CLASS_LIST!r} beside the shards names them."
        notes = (told,) if numbered else ()
        keys = [str(int(text)) for text in spelt] if numbered else spelt
    else:
        classes, notes = own, ()
        keys = [own[int(t)] if numbered and int(t) < len(own) else t for t in spelt]
    position = {label: place for place, label in enumerate(classes)}
    for text, key in zip(spelt, keys, strict=True):
        if key not in position:
            first = np.frombuffer(index.label, np.int32) == index.labels[text]
            raise UserError(
                f"Image {index.names[int(first.argmax())]!r} has label {text!r}, but {CLASS_LIST} "
                f"lists {len(classes)} classes, counted from 0. Mend the label or the list."
            )
    return classes, np.array([position[key] for key in keys], np.int32), notes
