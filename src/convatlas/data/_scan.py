"""Looking at every image once: is it readable, what is it, and have we seen it before."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable
from convatlas.data._picture import Picture
from convatlas.data._pool import in_chunks
from convatlas.data._progress import Progress
from convatlas.data._types import ImageSource

_CHUNK = 64  # files per task: enough to hide a task's cost, few enough for smooth progress


class Look(NamedTuple):
    """What one image is."""

    width: int
    height: int
    mode: str  # as stored in the file
    grey: bool  # its three colours are equal everywhere
    digest: bytes  # of the decoded pixels


@dataclass(slots=True, eq=False)
class Looks:
    """What the images of a collection are, 28 bytes each; those not yet looked at have width 0."""

    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    mode_numbers: npt.NDArray[np.int16]  # positions in `modes`
    grey: npt.NDArray[np.bool_]
    digests: npt.NDArray[np.uint8]  # [n, 16]
    modes: list[str] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)  # why an image cannot be read

    @classmethod
    def none_of(cls, n: int) -> "Looks":
        """Room for the looks at n images."""
        return cls(
            np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int16),
            np.zeros(n, bool), np.zeros((n, 16), np.uint8),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.widths)

    def __setitem__(self, index: int, look: Look) -> None:
        self.widths[index], self.heights[index] = look.width, look.height
        self.grey[index] = look.grey
        self.digests[index] = np.frombuffer(look.digest, np.uint8)
        if look.mode not in self.modes:
            self.modes.append(look.mode)
        self.mode_numbers[index] = self.modes.index(look.mode)

    def __getitem__(self, index: int) -> Look:
        return Look(
            int(self.widths[index]), int(self.heights[index]),
            self.modes[self.mode_numbers[index]], bool(self.grey[index]),
            self.digests[index].tobytes(),
        )  # fmt: skip

    @property
    def readable(self) -> npt.NDArray[np.int64]:
        """Numbers of the images that can be read."""
        return np.flatnonzero(self.widths > 0)

    def some(self, members: npt.NDArray[np.int64]) -> "Looks":
        """The looks at readable images of those numbers."""
        return Looks(
            self.widths[members], self.heights[members], self.mode_numbers[members],
            self.grey[members], self.digests[members], self.modes,
        )  # fmt: skip


def look_at(picture: Picture) -> Look:
    """Size, colour and digest of a decoded image."""
    pixels = picture.pixels
    grey = pixels.ndim == 2 or _is_grey(pixels)
    one_channel = pixels[..., 0] if pixels.ndim == 3 and grey else pixels
    width, height = picture.size
    digest = sha256(f"{width}x{height}".encode())
    digest.update(np.ascontiguousarray(one_channel).data)
    return Look(width, height, picture.stored_mode, grey, digest.digest()[:16])


def _is_grey(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether red, green and blue are equal everywhere; a few pixels tell most photos."""
    for view in (pixels[::16, ::16], pixels):
        red = view[..., 0]
        if (red != view[..., 1]).any() or (red != view[..., 2]).any():
            return False
    return True


def look_at_missing(
    looks: Looks, source: ImageSource, *, threads: int, done: Callable[[int], None]
) -> int:
    """Decode each image without a look fully once; `done` hears how many are. How many there were.

    What cannot be read is put among the faults.
    """
    missing = array("q", np.flatnonzero(looks.widths == 0).astype(np.int64).tobytes())

    def look_at_some(indices: Sequence[int]) -> list[Look | str]:
        found: list[Look | str] = []
        for index in indices:
            try:
                found.append(look_at(source.picture(index)))
            except Undecodable as error:
                found.append(str(error))
        return found

    finished = 0
    for found in in_chunks(look_at_some, missing, chunk=_CHUNK, threads=threads):
        for index, look in zip(missing[finished : finished + len(found)], found, strict=True):
            if isinstance(look, str):
                looks.faults[index] = look
            else:
                looks[index] = look
        finished += len(found)
        done(finished)
    return finished


def reporter(phase: str, total: int, progress: Progress | None) -> Callable[[int], None]:
    """`progress` for one phase, or silence."""
    return lambda done: progress(phase, done, total) if progress else None


class Copies(NamedTuple):
    """For each image the first one that has the same pixels, and whether it is the only one."""

    first: npt.NDArray[np.int64]
    single: npt.NDArray[np.bool_]


def find_copies(digests: npt.NDArray[np.uint8]) -> Copies:
    """Images whose rows [n, 16] are equal."""
    words = np.ascontiguousarray(digests).view(np.uint64)
    high, low = words[:, 0], words[:, 1]
    in_order = np.lexsort((low, high))  # stable: the first image of each kind comes first
    new = np.ones(len(words), bool)
    new[1:] = (np.diff(high[in_order]) != 0) | (np.diff(low[in_order]) != 0)
    group = np.cumsum(new) - 1
    first, single = np.empty(len(words), np.int64), np.empty(len(words), bool)
    first[in_order] = in_order[new][group]
    single[in_order] = (np.bincount(group) == 1)[group]
    return Copies(first, single)


def count_modes(looks: Looks) -> Mapping[str, int]:
    """Images per stored colour mode, most frequent first."""
    counts = np.bincount(looks.mode_numbers, minlength=len(looks.modes)).tolist()
    modes = {mode: count for mode, count in zip(looks.modes, counts, strict=True) if count}
    return dict(sorted(modes.items(), key=lambda item: (-item[1], item[0])))
