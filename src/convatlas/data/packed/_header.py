"""The start and the header of a packed file, believed only as far as they can be checked."""

import json
import os
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from convatlas.data._types import Kind, SplitName
from convatlas.data._walk import shown
from convatlas.errors import UserError

MAGIC = b"convatlas packed"
VERSION = 1
PIXELS_AT = 4096  # a page, so that the first image is aligned
BLOCK_BYTES = 4 << 20
_PREFIX = Struct("<16sQQ32s")  # magic, place of the header, its length, its SHA-256
_MOST_HEADER = 256 << 20


class Damaged(UserError):
    """A packed file that is not as it was written."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"Packed images {shown(str(path))!r} are damaged: {what}. Pack the data again."
        )


_Share = Annotated[float, Field(gt=0, lt=0.5)]


class Header(BaseModel):
    """What a packed file says of itself."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    version: int
    source: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]  # fingerprint of what was packed
    form: str
    name: str
    kind: Kind
    classes: list[str]
    titles: list[str]
    notes: list[str]
    ignored: int
    flip: bool | None
    hold_out: Annotated[list[tuple[SplitName, _Share]], Field(min_length=2, max_length=2)]
    unreadable: list[tuple[str, str]]  # what was left out, and why
    modes: list[str]
    images: int
    pixel_bytes: int
    table_bytes: int
    block_bytes: int
    blocks: list[str]  # SHA-256 of every block of pixels
    table: str  # SHA-256 of the table
    versions: dict[str, str]  # of what decoded and wrote

    @model_validator(mode="after")
    def _consistent(self) -> "Header":
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes of one name")
        if len(self.titles) not in (0, len(self.classes)):
            raise ValueError("more or fewer titles than classes")
        if {split for split, _ in self.hold_out} != {"val", "test"}:
            raise ValueError("no shares for validation and test")
        return self


def write_header(file: BinaryIO, header: dict[str, Any]) -> None:
    """The header behind what is written, then the prefix that says where it is."""
    content = json.dumps(Header.model_validate(header).model_dump(), allow_nan=False).encode()
    place = file.tell()
    file.write(content)
    file.seek(0)
    file.write(_PREFIX.pack(MAGIC, place, len(content), sha256(content).digest()))


def has_magic(path: Path) -> bool:
    """Whether the file starts as a packed one."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(path: Path) -> Header:
    """The header of a packed file.

    Raises:
        Damaged: if it is not as it was written, or the file is shorter or longer.
        UserError: if another version of the program wrote it.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(_PREFIX.size)
        if len(start) < _PREFIX.size:
            raise Damaged(path, f"it has {size:,} bytes only")
        _, place, length, digest = _PREFIX.unpack(start)
        if length > _MOST_HEADER or place + length != size:
            raise Damaged(path, f"it has {size:,} bytes, but should have {place + length:,}")
        file.seek(place)
        content = file.read(length)
    if sha256(content).digest() != digest:
        raise Damaged(path, "its header has another checksum")
    try:
        found = json.loads(content)
        if isinstance(found, dict) and found.get("version") != VERSION:
            raise UserError(
                f"Packed images {shown(str(path))!r} have form {found.get('version')!r}; this "
                f"version reads form {VERSION}. Pack the data again."
            )
        header = Header.model_validate_json(content)
    except (ValidationError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise Damaged(path, "its header is none") from error
    spanned = header.pixel_bytes + header.table_bytes
    if min(header.pixel_bytes, header.table_bytes, header.images - 1) < 0 or (
        place != PIXELS_AT + spanned
        or header.block_bytes != BLOCK_BYTES
        or len(header.blocks) != -(-header.pixel_bytes // BLOCK_BYTES)
    ):
        raise Damaged(path, "its header does not fit its length")
    return header
