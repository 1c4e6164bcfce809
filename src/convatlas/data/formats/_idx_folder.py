"""A folder of IDX files, as MNIST and its relatives are published.

Names: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...`, also with `.idx3-ubyte`,
gzip-compressed or not, and behind a data set's name as EMNIST has them.
Source: the MNIST database's page, "File formats for the MNIST database".
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from convatlas.data._arrays import Labelled, collect_arrays
from convatlas.data._collection import Collection, Origin
from convatlas.data._folder import split_called
from convatlas.data._idx import read_idx
from convatlas.data._types import SPLITS, SplitName
from convatlas.data._walk import shown
from convatlas.errors import UserError

_FILE = re.compile(r"(?:(.+)-)?([a-z0-9]+)-(images|labels)[-.]idx([13])-ubyte(\.gz)?", re.DOTALL)
IdxFiles = Mapping[SplitName, tuple[Path, Path]]  # images and labels


def find_idx(folder: Path) -> IdxFiles:
    """The pairs of files by split; empty if the folder holds no IDX files.

    Raises:
        UserError: if images have no labels or the other way, or several data sets lie there.
    """
    found: dict[tuple[SplitName, str], Path] = {}
    sets = set()
    for name in sorted(os.listdir(folder)):
        parts = _FILE.fullmatch(name)
        split = None if parts is None else _split(parts[2])
        if parts is None or split is None:
            continue
        sets.add(parts[1])
        found.setdefault((split, parts[3]), folder / name)
    if len(sets) > 1:
        raise UserError(
            f"{shown(str(folder))!r} holds the IDX files of {len(sets)} data sets: "
            f"{', '.join(repr(name or 'without a name') for name in sorted(sets, key=str))}. Put "
            "the files of one into a folder of their own."
        )
    for split, what in found:
        other = "labels" if what == "images" else "images"
        if (split, other) not in found:
            raise UserError(
                f"{shown(str(found[split, what]))!r} lies there without its {other}. Put the file "
                f"of {other} beside it."
            )
    splits = [split for split in SPLITS if (split, "images") in found]
    return {split: (found[split, "images"], found[split, "labels"]) for split in splits}


def _split(word: str) -> SplitName | None:
    return "test" if word == "t10k" else split_called(word)


def collect_idx(folder: Path, files: IdxFiles) -> Collection:
    """The images of IDX files; the classes are the labels' numbers.

    Raises:
        UserError: if a file is damaged or images and labels do not belong together.
    """
    parts = {split: _read(*pair) for split, pair in files.items()}
    numbers = np.unique(np.concatenate([part.labels for part in parts.values()]))
    only = len(parts) == 1 and "train" in parts
    shapes = {part.pixels.shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        sizes = " and ".join(f"{h} x {w}" for h, w in sorted(shapes))
        raise UserError(f"{shown(str(folder))!r}: the IDX files hold images of {sizes}.")
    return collect_arrays(
        Origin(
            name=shown(folder.resolve().name),
            kind="idx",
            classes=tuple(map(str, numbers.tolist())),
        ),
        shown(str(folder)),
        [
            Labelled(None if only else split, part.pixels, np.searchsorted(numbers, part.labels))
            for split, part in parts.items()
        ],
    )


def _read(images_path: Path, labels_path: Path) -> Labelled:
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise UserError(
            f"{shown(str(images_path))!r} holds {len(images):,} images and "
            f"{shown(str(labels_path))!r} {len(labels):,} labels: they do not belong together."
        )
    return Labelled(None, images, labels)
