"""From what a person names to a data set with three splits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from convatlas.data._assemble import assemble, unreadable_of
from convatlas.data._collect import BUILT_IN, collect
from convatlas.data._collection import Collection
from convatlas.data._pool import available_cores
from convatlas.data._progress import Progress
from convatlas.data._scan import Looks, look_at_missing, reporter
from convatlas.data._scan_cache import recall, remember
from convatlas.data._types import SPLITS, Dataset, Unreadable
from convatlas.errors import UserError

__all__ = ["BUILT_IN", "open_dataset"]


def open_dataset(
    where: str,
    *,
    seed: int = 0,
    unreadable: Literal["skip", "refuse"] = "skip",
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Dataset:
    """The images that `where` names, every one looked at, divided into train, val and test.

    Args:
        where: `digits`, `fashion-mnist`; a folder of class folders, with `train/` and `val/` or
            `test/` or both above them or not; tar shards (a .tar file, `train-{000..009}.tar`, or
            a folder of them); a folder of IDX files or of CIFAR's; a .csv or .tsv list of paths
            and labels; a packed file. A folder that is itself called digits: `./digits`.
        seed: decides the division where nobody else does; the same seed, the same splits.
        unreadable: whether images that cannot be decoded are left out and listed, or refused.
        cache: folder for `scan.jsonl`, by which the next opening decodes only what changed.

    Raises:
        UserError: if there is no such data set or it cannot be learned from; the message says why.
    """
    collection = collect(where, progress=progress)
    looks = look_at_all(collection, progress=progress, cache=cache)
    lost = unreadable_of(collection, looks)
    if lost and unreadable == "refuse":
        raise UserError(_refusal(collection.where, lost))
    return assemble(collection, looks, seed=seed)


def look_at_all(
    collection: Collection, *, progress: Progress | None = None, cache: Path | None = None
) -> Looks:
    """What every image is, from `cache` where it knows it.

    Raises:
        UserError: if no image of a class of a split can be read.
    """
    if collection.looks is not None:
        return collection.looks
    stamps = collection.stamps() if cache is not None and collection.in_files else None
    if cache is not None and stamps is not None:
        looks = recall(cache, collection, stamps)
    else:
        looks = Looks.none_of(len(collection))
    missing = int((looks.widths == 0).sum())
    done = reporter("reading images", missing, progress if collection.in_files else None)
    look_at_missing(looks, collection.source, threads=available_cores(), done=done)
    if cache is not None and stamps is not None and missing > len(looks.faults):
        remember(cache, collection, stamps, looks)
    _check_readable(collection, looks)
    return looks


def _refusal(where: str, lost: Sequence[Unreadable]) -> str:
    first = "; ".join(f"{file.name!r}: {file.reason}" for file in lost[:5])
    rest = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
    return (
        f"{where!r} has {len(lost)} unreadable image files: {first}{rest}. "
        "Mend or remove them, or let them be left out."
    )


def _check_readable(collection: Collection, looks: Looks) -> None:
    """Every class of every split must keep an image, or what is measured is not what was asked."""
    if not looks.faults:
        return
    lost, read = np.array(sorted(looks.faults)), looks.readable
    pairs = collection.parts.astype(np.int64) * (1 << 32) + collection.labels
    empty = lost[~np.isin(pairs[lost], pairs[read])]
    if not len(empty):
        return
    index = int(empty[0])
    if not len(read):
        raise UserError(
            f"None of the {len(lost)} image files in {collection.where!r} can be read. The first, "
            f"{collection.names[index]!r}: {looks.faults[index]}."
        )
    label = collection.origin.classes[collection.labels[index]]
    part = collection.parts[index]
    prefix = f"{SPLITS[part]}/" if part >= 0 else ""
    raise UserError(
        f"None of the images of class {prefix + label!r} can be read; the first, "
        f"{collection.names[index]!r}: {looks.faults[index]}. Mend them or remove the class."
    )
