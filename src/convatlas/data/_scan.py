"""Looking at every image once: is it readable, what is it, and have we seen it before."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable, read_picture
from convatlas.data._picture import Picture
from convatlas.data._pool import in_chunks
from convatlas.data._progress import Progress

_CHUNK = 64  # files per task: enough to hide a task's cost, few enough for smooth progress


class Look(NamedTuple):
    """What one image is."""

    width: int
    height: int
    mode: str  # as stored in the file
    grey: bool  # its three colours are equal everywhere
    digest: bytes  # of the decoded pixels


Seen = Look | Undecodable


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


def look_at_files(
    paths: Sequence[str],
    *,
    threads: int,
    done: Callable[[int], None],
) -> list[Seen]:
    """Each file decoded fully once; `done` hears how many are."""
    seen: list[Seen] = []
    for looks in in_chunks(_look_at_some, paths, chunk=_CHUNK, threads=threads):
        seen += looks
        done(len(seen))
    return seen


def _look_at_some(paths: Sequence[str]) -> list[Seen]:
    looks: list[Seen] = []
    for path in paths:
        try:
            looks.append(look_at(read_picture(path)))
        except Undecodable as error:
            looks.append(error)
    return looks


def reporter(phase: str, total: int, progress: Progress | None) -> Callable[[int], None]:
    """`progress` for one phase, or silence."""
    return lambda done: progress(phase, done, total) if progress else None


class Copies(NamedTuple):
    """Pairs (copy, first image that it equals)."""

    duplicates: tuple[tuple[str, str], ...]
    leaks: tuple[tuple[str, str], ...]
    conflicts: tuple[tuple[str, str], ...]


def find_copies(
    names: Sequence[str],
    digests: Sequence[bytes],
    splits: Sequence[str],
    labels: Sequence[int],
) -> Copies:
    """Images with equal pixels; `leaks` lie in different splits, `conflicts` have other labels."""
    first: dict[bytes, int] = {}
    pairs = [
        (here, there)
        for here, digest in enumerate(digests)
        if (there := first.setdefault(digest, here)) != here
    ]
    named = tuple((names[a], names[b]) for a, b in pairs)
    across = zip(named, pairs, strict=True)
    leaks, conflicts = [], []
    for pair, (a, b) in across:
        if splits[a] != splits[b]:
            leaks.append(pair)
        if labels[a] != labels[b]:
            conflicts.append(pair)
    return Copies(named, tuple(leaks), tuple(conflicts))


def count_modes(looks: Sequence[Look]) -> Mapping[str, int]:
    """Images per stored colour mode, most frequent first."""
    modes: dict[str, int] = {}
    for look in looks:
        modes[look.mode] = modes.get(look.mode, 0) + 1
    return dict(sorted(modes.items(), key=lambda item: (-item[1], item[0])))
