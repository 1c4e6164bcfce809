"""What lies where in a plain tar file, found by reading its headers only and trusting none of them.

Nothing is unpacked and no link is followed. Python's tarfile keeps every member in memory and reads
extended headers of any declared size; here memory does not grow and every size is checked first.

Source: POSIX.1-2008 pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from convatlas.errors import UserError

_BLOCK = 512
_MOST_NAME = 64 << 10  # bytes of a long name or of one extended header
_MOST_AFTER_END = 1 << 20  # zero bytes that a writer may pad with
_PACKED = (
    (b"\x1f\x8b", "gzip -d"),
    (b"\x28\xb5\x2f\xfd", "zstd -d"),
    (b"BZh", "bzip2 -d"),
    (b"\xfd7zXZ", "xz -d"),
)
_KINDS: dict[bytes, Literal["file", "link", "folder"]] = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "link", b"2": "link", b"5": "folder",
}  # fmt: skip


class Member(NamedTuple):
    """A file in the archive: `size` bytes from `offset` on."""

    name: str
    offset: int
    size: int
    kind: Literal["file", "link", "folder", "special"]  # special: devices, pipes, sparse files


class _Broken(ValueError):
    """What is wrong with the archive, in words that end "x.tar cannot be read: ..."."""


def members(path: Path) -> Iterator[Member]:
    """The members of the plain tar file at `path`, in its order.

    Raises:
        UserError: if it is compressed, damaged, or ends before its closing blocks: then nobody can
            know how many images it was meant to hold.
    """
    try:
        with path.open("rb", buffering=0) as file:
            yield from _members(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror}.") from error
    except _Broken as error:
        raise UserError(f"{str(path)!r} cannot be read as a tar file: {error}") from error


def _members(file: BinaryIO, end: int) -> Iterator[Member]:
    place, extended = 0, dict[str, str]()
    while True:
        header = _at(file, place, _BLOCK)
        if len(header) < _BLOCK:
            raise _Broken(_why_it_ends(header, place))
        if not any(header):
            return _check_rest(file, place, end)
        _check_sum(header, place)
        size, kind = _number(header[124:136], place), header[156:157]
        place += _BLOCK
        if kind in b"LKxg":
            content = _extension(file, place, size, end)
            extended |= _said(kind, content)
        else:
            name = extended.get("path") or _name(header)
            size = _whole(extended["size"], place) if "size" in extended else size
            sparse = kind == b"S" or any(key.startswith("GNU.sparse") for key in extended)
            if kind == b"S":
                place = _after_sparse_map(file, header, place)
            if kind in b"12345":
                size = 0  # whatever is declared, these have no content
            if place + size > end:
                raise _Broken(
                    f"{name!r} has {size:,} bytes, but the file ends {place + size - end:,} bytes "
                    "before that. It was not copied whole; copy or make it again."
                )
            yield Member(name, place, size, "special" if sparse else _KINDS.get(kind, "special"))
            extended = {}
        place += -(-size // _BLOCK) * _BLOCK


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    return os.pread(file.fileno(), size, place)


def _why_it_ends(header: bytes, place: int) -> str:
    if place == 0:
        return "it is shorter than one header. Give a tar file."
    return (
        f"it ends after {place + len(header):,} bytes, without the empty blocks that close an "
        "archive, so members may be missing. Copy or make it again."
    )


def _check_sum(header: bytes, place: int) -> None:
    if place == 0:
        for start, command in _PACKED:
            if header.startswith(start):
                raise _Broken(
                    f"it is compressed, and images are read by their place. Unpack it: {command}."
                )
    blank = header[:148] + b" " * 8 + header[156:]
    if header[148:156].strip(b"\0 ").lstrip(b"0") != b"%o" % sum(blank):
        where = "its first header is none" if place == 0 else f"the header at byte {place:,} is bad"
        raise _Broken(f"{where} (checksum). It is no tar file, or damaged.")


def _number(field: bytes, place: int) -> int:
    """Octal digits, or GNU's base 256 where the first bit is set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0", 1)[0].strip() or b"0"
    if not all(c in b"01234567" for c in text):
        raise _Broken(f"the header before byte {place + _BLOCK:,} holds {field!r} for a number.")
    return int(text, 8)


def _whole(text: str, place: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _Broken(f"the extended header before byte {place:,} gives the size {text[:40]!r}.")
    return int(text)


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _extension(file: BinaryIO, place: int, size: int, end: int) -> bytes:
    if size > _MOST_NAME:
        raise _Broken(
            f"a name or extended header at byte {place:,} declares {size:,} bytes; the limit is "
            f"{_MOST_NAME:,}."
        )
    if place + size > end:
        raise _Broken("it ends inside an extended header. Copy or make it again.")
    return _at(file, place, size)


def _said(kind: bytes, content: bytes) -> dict[str, str]:
    """What an extension says of the next member: GNU's long name, or pax records."""
    if kind == b"L":
        return {"path": _text(content.split(b"\0", 1)[0])}
    return _records(content) if kind == b"x" else {}


def _records(content: bytes) -> dict[str, str]:
    """Records of a pax header: length, blank, key=value, end of line."""
    found, rest = dict[str, str](), content
    while rest.rstrip(b"\0"):
        length, _, _ = rest.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < 6 else 0
        record = rest[len(length) + 1 : size]
        if size > len(rest) or not record.endswith(b"\n") or b"=" not in record:
            raise _Broken(f"an extended header holds {rest[:40]!r}.")
        key, _, value = record[:-1].partition(b"=")
        found[_text(key)] = _text(value)
        rest = rest[size:]
    return found


def _after_sparse_map(file: BinaryIO, header: bytes, place: int) -> int:
    """Behind the blocks that continue an old GNU sparse map: byte 482, then 504, says one comes."""
    more = header[482:483]
    while more not in (b"\0", b""):
        more = _at(file, place, _BLOCK)[504:505]
        place += _BLOCK
    return place


def _check_rest(file: BinaryIO, place: int, end: int) -> None:
    """Behind the closing block lies padding; anything else would be passed over in silence."""
    rest = _at(file, place, min(end - place, _MOST_AFTER_END))
    if end - place > _MOST_AFTER_END or any(rest):
        raise _Broken(
            f"{end - place:,} bytes follow its closing block at byte {place:,}. Archives that were "
            "put one behind another must be given one by one."
        )
