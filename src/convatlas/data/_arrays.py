"""Data sets that come as arrays of grey images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._assemble import Item, Origin, assemble
from convatlas.data._picture import Picture
from convatlas.data._scan import look_at
from convatlas.data._sources import ArrayImages
from convatlas.data._types import Dataset, SplitName


class Labelled(NamedTuple):
    """Images that belong together, with the positions of their classes."""

    split: SplitName | None  # None: not divided
    pixels: npt.NDArray[np.uint8]  # [n, side, side]
    labels: npt.NDArray[np.integer]


def open_arrays(origin: Origin, parts: Sequence[Labelled], *, seed: int) -> Dataset:
    """A data set of grey images in memory."""
    pixels = np.concatenate([part.pixels for part in parts])
    items: list[Item] = []
    for part in parts:
        for number, (image, label) in enumerate(zip(part.pixels, part.labels, strict=True)):
            name = f"{part.split or origin.name}/{number:05d}"
            look = look_at(Picture(image, "L"))
            items.append(Item(name, origin.classes[int(label)], part.split, len(items), look))
    return assemble(origin, items, lambda places: ArrayImages(pixels[list(places)]), seed=seed)
