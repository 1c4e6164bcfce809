"""Decoding every image of a split once, into a file that training reads by number."""

import os
import shutil
from collections.abc import Callable, Sequence
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convatlas.data._decoded import DecodedPixels
from convatlas.data._fit import fit
from convatlas.data._pixels import Pixels, StoredPixels
from convatlas.data._pool import in_chunks
from convatlas.data._preprocessing import Interpolation, Preprocessing
from convatlas.data._progress import Progress
from convatlas.data._scan import reporter
from convatlas.data._types import Split
from convatlas.data.packed import packed_squares
from convatlas.errors import UserError
from convatlas.files import writing

MAX_STORED_BYTES = 8 << 30  # beyond it images are decoded when asked for
_CHUNK_BYTES = 4 << 20
_SPARE_BYTES = 64 << 20  # left free on the disk


def prepare(
    split: Split,
    preprocessing: Preprocessing,
    *,
    cache: Path,
    threads: int = 2,
    progress: Progress | None = None,
) -> Pixels:
    """The split's images, decoded and resized to `preprocessing.stored_side`.

    They are kept in `cache` under a name made from the pixels, the side and the channels: made
    once, whole or not at all, and used again by whatever needs the same. Above 8 GiB nothing is
    stored and `batch` decodes: the same values, later. Images that lie packed in just that form
    are used where they lie.

    Raises:
        UserError: if the disk lacks the room (said before starting), or a file has become
            unreadable.
    """
    side, channels = preprocessing.stored_side, preprocessing.channels
    if (packed := packed_squares(split, preprocessing)) is not None:
        return packed
    shape = (len(split), side, side, channels)
    if prod(shape) > MAX_STORED_BYTES:
        return decoded(split, preprocessing, threads=threads)
    way = "" if preprocessing.interpolation == "bilinear" else f"-{preprocessing.interpolation}"
    path = cache / f"{split.name}-{split.fingerprint}-{side}x{channels}{way}.npy"
    images = _stored(path, shape)
    if images is None:
        _check_room(cache, prod(shape))
        done = reporter(f"decoding {split.name} images", len(split), progress)
        _store(path, split, shape, preprocessing.interpolation, threads=threads, done=done)
        images = _stored(path, shape)
        assert images is not None, f"{path} was written just now"  # noqa: S101  an invariant of ours, not input
    return StoredPixels(
        labels=split.labels, names=split.names, net_side=preprocessing.side, images=images
    )


def decoded(split: Split, preprocessing: Preprocessing, *, threads: int) -> DecodedPixels:
    """The same images, decoded whenever they are asked for."""
    return DecodedPixels(
        labels=split.labels,
        names=split.names,
        net_side=preprocessing.side,
        split=split,
        side=preprocessing.stored_side,
        channels=preprocessing.channels,
        threads=threads,
        interpolation=preprocessing.interpolation,
    )


def _header(shape: tuple[int, ...]) -> bytes:
    """The start of a .npy file of bytes of that shape."""
    file = BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def _stored(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8] | None:
    """The array in the file, mapped, if the file is there, of exactly that shape and whole."""
    header = _header(shape)
    try:
        with path.open("rb") as file:
            fits = file.read(len(header)) == header
            whole = os.fstat(file.fileno()).st_size == len(header) + prod(shape)
    except OSError:
        return None
    if not (fits and whole):
        return None
    return np.asarray(np.memmap(path, np.uint8, "r", len(header), shape))


def _store(
    path: Path,
    split: Split,
    shape: tuple[int, ...],
    interpolation: Interpolation,
    *,
    threads: int,
    done: Callable[[int], None],
) -> None:
    _, side, _, channels = shape

    def decode(indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        images = np.empty((len(indices), *shape[1:]), np.uint8)
        for place, index in enumerate(indices):
            picture = split.source.picture(index)
            images[place] = fit(picture, side, 1 if channels == 1 else 3, interpolation)
        return images

    chunk = max(1, min(64, _CHUNK_BYTES // prod(shape[1:])))
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(_header(shape))
        finished = 0
        for images in in_chunks(decode, range(len(split)), chunk=chunk, threads=threads):
            file.write(images.data)
            finished += len(images)
            done(finished)


def _check_room(cache: Path, needed: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if free < needed + _SPARE_BYTES:
        raise UserError(
            f"{needed:,} bytes are needed for decoded images in {os.fspath(cache)!r}, and "
            f"{_SPARE_BYTES:,} to spare, but {free:,} are free. Free some, or choose another "
            "folder."
        )
