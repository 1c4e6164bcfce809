"""Writing a packed file: decoded once, whole or not at all."""

import os
import platform
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL

from convatlas.data._assemble import unreadable_of
from convatlas.data._collection import Collection
from convatlas.data._decode import Undecodable
from convatlas.data._pool import available_cores, in_chunks
from convatlas.data._progress import Progress
from convatlas.data._scan import Looks, reporter
from convatlas.data.packed._form import PackedForm
from convatlas.data.packed._header import BLOCK_BYTES, PIXELS_AT, VERSION, write_header
from convatlas.data.packed._table import Table, offsets_of
from convatlas.errors import UserError
from convatlas.files import writing

_CHUNK = 16  # images a task
_SPARE_BYTES = 64 << 20  # left free on the disk


def write_packed(
    path: Path,
    collection: Collection,
    looks: Looks,
    form: PackedForm,
    source: str,
    *,
    progress: Progress | None = None,
) -> int:
    """Decode every readable image of the collection into the file at `path`; its bytes.

    Args:
        source: fingerprint of the collection, by which the file is known to be up to date.

    Raises:
        UserError: if the disk lacks the room (said before starting), or a file has become
            unreadable. What was at `path` stays then.
    """
    kept = looks.readable
    some = looks.some(kept)
    widths, heights, channels = form.sizes(some, 1 if some.grey.all() else 3)
    table = Table(
        names=collection.names.chosen(kept.tolist()),
        labels=collection.labels[kept],
        parts=collection.parts[kept],
        widths=widths,
        heights=heights,
        channels=channels,
        looks=some,
    )
    _check_room(path, int(offsets_of(widths, heights, channels)[-1]))
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(bytes(PIXELS_AT))
        blocks = _Blocks(file)
        done = reporter("packing images", len(kept), progress)
        finished = 0
        for pixels in in_chunks(
            _Decoder(collection, table, form, kept.tolist()), range(len(kept)),
            chunk=_CHUNK, threads=available_cores(),
        ):  # fmt: skip
            for each in pixels:
                blocks.write(each)
            finished += len(pixels)
            done(finished)
        rows = table.as_bytes()
        file.write(rows)
        header = _header(collection, looks, form, source, table)
        sizes = {"pixel_bytes": blocks.written, "table_bytes": len(rows)}
        sums = {"blocks": blocks.digests(), "table": sha256(rows).hexdigest()}
        write_header(file, {**header, **sizes, **sums})
        size = os.fstat(file.fileno()).st_size
    return size


class _Decoder:
    """Pictures as the bytes that are packed."""

    def __init__(
        self, collection: Collection, table: Table, form: PackedForm, members: Sequence[int]
    ) -> None:
        self._collection = collection
        self._table = table
        self._form = form
        self._members = members

    def __call__(self, rows: Sequence[int]) -> list[bytes]:
        return [self._bytes(row) for row in rows]

    def _bytes(self, row: int) -> bytes:
        table = self._table
        try:
            picture = self._collection.source.picture(self._members[row])
        except Undecodable as error:
            raise UserError(
                f"Image {table.names[row]!r} was readable before and now is not: {error}. Start "
                "again."
            ) from error
        pixels = self._form.pixels(picture, 1 if table.channels[row] == 1 else 3)
        expected = (table.heights[row], table.widths[row], table.channels[row])
        if pixels.shape != expected:
            raise UserError(
                f"Image {table.names[row]!r} changed while it was being packed. Start again."
            )
        return np.ascontiguousarray(pixels).tobytes()


class _Blocks:
    """A file's pixels, with a SHA-256 of each block of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = sha256()
        self._found: list[str] = []
        self.written = 0

    def write(self, content: bytes) -> None:
        """Append to the file."""
        self._file.write(content)
        view = memoryview(content)
        while view:
            room = BLOCK_BYTES - self.written % BLOCK_BYTES
            part = view[:room]
            self._digest.update(part)
            self.written += len(part)
            view = view[room:]
            if self.written % BLOCK_BYTES == 0:
                self._found.append(self._digest.hexdigest())
                self._digest = sha256()

    def digests(self) -> list[str]:
        """Of all blocks, the last one perhaps shorter."""
        rest = [self._digest.hexdigest()] if self.written % BLOCK_BYTES else []
        return [*self._found, *rest]


def _header(
    collection: Collection, looks: Looks, form: PackedForm, source: str, table: Table
) -> dict[str, object]:
    origin = collection.origin
    lost = unreadable_of(collection, looks)
    return {
        "version": VERSION,
        "source": source,
        "form": str(form),
        "name": origin.name,
        "kind": origin.kind,
        "classes": list(origin.classes),
        "titles": list(origin.titles),
        "notes": list(origin.notes),
        "ignored": origin.ignored,
        "flip": origin.flip,
        "hold_out": [tuple(share) for share in origin.hold_out],
        "unreadable": [(file.name, file.reason) for file in lost],
        "modes": list(looks.modes),
        "images": len(table.labels),
        "block_bytes": BLOCK_BYTES,
        "versions": {"pillow": PIL.__version__, "python": platform.python_version()},
    }


def _check_room(path: Path, needed: int) -> None:
    there = next(p for p in path.absolute().parents if p.exists())
    free = shutil.disk_usage(there).free
    if free < needed + _SPARE_BYTES:
        raise UserError(
            f"{needed:,} bytes are needed for {str(path)!r}, and {_SPARE_BYTES:,} to spare, but "
            f"{free:,} are free. Free some, choose another place, or pack smaller images."
        )
