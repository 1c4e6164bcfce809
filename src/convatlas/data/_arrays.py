"""Data sets that come as arrays of images."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._collection import Collection, Origin, Stamps, part_numbers
from convatlas.data._names import Names
from convatlas.data._sources import ArrayImages
from convatlas.data._types import SplitName


class Labelled(NamedTuple):
    """Images that belong together, with the positions of their classes."""

    split: SplitName | None  # None: not divided
    pixels: npt.NDArray[np.uint8]  # [n, h, w] or [n, 3, h, w]
    labels: npt.NDArray[np.integer]


def collect_arrays(origin: Origin, where: str, parts: Sequence[Labelled]) -> Collection:
    """Images in memory, named by split and number: "train/00017"."""
    pixels = np.concatenate([part.pixels for part in parts]) if len(parts) > 1 else parts[0].pixels
    names = Names(
        f"{part.split or origin.name}/{number:05d}"
        for part in parts
        for number in range(len(part.labels))
    )

    def stamps() -> Stamps:
        content = sha256(np.ascontiguousarray(pixels).data).digest()
        words = np.frombuffer(content[:16], "<i8")
        return Stamps(np.full(len(names), words[0]), np.full(len(names), words[1]))

    return Collection(
        origin=origin,
        where=where,
        names=names,
        labels=np.concatenate([part.labels for part in parts]).astype(np.int32),
        parts=np.concatenate([part_numbers([part.split] * len(part.labels)) for part in parts]),
        source=ArrayImages(pixels),
        stamps=stamps,
        in_files=False,
    )
