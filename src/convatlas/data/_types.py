"""What a data set is: three splits of images with labels, and what a look at every image found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from convatlas.data._picture import Picture

SplitName = Literal["train", "val", "test"]
Kind = Literal["digits", "fashion-mnist", "folder", "list", "shards", "idx", "cifar"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


class ImageSource(Protocol):
    """Images by number."""

    def picture(self, index: int) -> Picture:
        """The picture of that number."""


@runtime_checkable
class HasContent(Protocol):
    """A source that may also give its images' files as they are."""

    def content(self, index: int) -> bytes | None:
        """The bytes of the image file of that number; None if no file of its own holds it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """The images that one purpose may see: learning, choosing or the final test."""

    name: SplitName
    labels: npt.NDArray[np.int64]  # [n], positions in Dataset.classes
    names: Sequence[str]  # one per image, for people: "train/cat/0001.jpg"
    source: ImageSource
    fingerprint: str  # of the decoded pixels of all images, in order

    def image(self, index: int) -> Image.Image:
        """The image, upright (EXIF applied), in mode L or RGB.

        Raises:
            UserError: if the file can no longer be read.
        """
        return self.source.picture(index).image

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An image file that is left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a look at every image found. Two images are equal when their decoded pixels are."""

    counts: Mapping[str, Mapping[str, int]]  # split -> class -> images
    smallest_side: int
    median_side: int  # median of the short sides
    largest_side: int
    modes: Mapping[str, int]  # colour mode as stored in the file -> images
    ignored: int  # files that are not images and do not claim to be
    unreadable: tuple[Unreadable, ...]
    duplicates: tuple[tuple[str, str], ...]  # each copy with the first image that it equals
    leaks: tuple[tuple[str, str], ...]  # the duplicates that lie in different splits
    conflicts: tuple[tuple[str, str], ...]  # the duplicates that have different classes

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """A person's images, ready to choose a net for."""

    name: str
    kind: Kind
    classes: tuple[str, ...]
    titles: tuple[str, ...]  # the classes in words, where their names are keys such as n01440764
    channels: Literal[1, 3]  # 1 if every image is grey
    native_side: int  # median short side
    flip: bool  # whether mirroring keeps the class
    train: Split
    val: Split
    test: Split
    notes: tuple[str, ...]  # how the splits were made
    scan: Scan
    fingerprint: str  # of pixels, labels, class names and the division into splits

    @property
    def splits(self) -> tuple[Split, Split, Split]:
        """Training, validation and test part."""
        return self.train, self.val, self.test
