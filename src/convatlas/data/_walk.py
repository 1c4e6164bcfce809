"""Which files below a folder claim to be images, in an order that no file system decides."""

import os
import stat
from collections.abc import Iterator
from struct import error as StructError
from struct import unpack_from
from typing import NamedTuple

IMAGE_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "bmp", "dib", "gif"),
        *("tif", "tiff", "ppm", "pgm", "pbm", "pnm"),
    )
)
# Images too, but of kinds that are not decoded: they are named as unreadable, never passed over.
FOREIGN_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("heic", "heif", "avif", "jxl", "jp2", "j2k", "svg", "psd", "ico", "tga", "exr", "hdr"),
        *("raw", "dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf", "eps", "dcm"),
    )
)
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_NETPBM = tuple(f"P{kind}{space}".encode() for kind in range(1, 7) for space in " \t\r\n")
_BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


class Walk(NamedTuple):
    """Image files (paths) below a folder, and how many other files were passed over."""

    images: list[str]
    ignored: int


def shown(path: str) -> str:
    """A path that can be printed and stored: bytes that are not UTF-8 are spelt out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def listed(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder, without hidden ones, by name."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: os.fsencode(entry.name))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a loop of links is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def walk(folder: str) -> Walk:
    """All image files below `folder`, sub-folders included, links followed but never in circles."""
    images, ignored = [], 0
    for entry in _files(folder, ()):
        if claims_to_be_image(entry):
            images.append(entry.path)
        else:
            ignored += 1
    return Walk(images, ignored)


def claims_to_be_image(entry: os.DirEntry[str]) -> bool:
    """By its extension or, without an image's extension, by how its content starts."""
    extension = os.path.splitext(entry.name)[1].lower()
    if extension in IMAGE_EXTENSIONS or extension in FOREIGN_EXTENSIONS:
        return True
    return _starts_as_image(entry.path)


def _files(folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[os.DirEntry[str]]:
    status = os.stat(folder)
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for entry in listed(folder):
        if is_folder(entry):
            yield from _files(entry.path, (*above, here))
        else:
            yield entry


def _starts_as_image(path: str) -> bool:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb", buffering=0) as file:
            start = file.read(32)
    except OSError:
        return False
    if start.startswith(b"RIFF"):
        return start[8:12] == b"WEBP"
    if start.startswith(b"BM"):
        return _is_bitmap(start)
    return start.startswith((*_STARTS, *_NETPBM))


def _is_bitmap(start: bytes) -> bool:
    try:
        return unpack_from("<I", start, 14)[0] in _BITMAP_HEADERS
    except StructError:
        return False
