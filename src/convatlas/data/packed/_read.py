"""Opening a packed file: every byte is checked once, then it is believed."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convatlas.data._collection import Collection, Origin, Stamps
from convatlas.data._pool import available_cores, in_chunks
from convatlas.data._progress import Progress
from convatlas.data._scan import reporter
from convatlas.data._split import Share
from convatlas.data._types import Unreadable
from convatlas.data._walk import shown
from convatlas.data.packed._header import BLOCK_BYTES, PIXELS_AT, Damaged, Header, has_magic
from convatlas.data.packed._header import read_header as read_header
from convatlas.data.packed._source import PackedImages, identity_of
from convatlas.data.packed._table import Table, offsets_of, parse_table


def is_packed(path: Path) -> bool:
    """Whether a file starts as a packed one."""
    return has_magic(path)


def collect_packed(path: Path, *, progress: Progress | None = None) -> Collection:
    """The images of a packed file, with everything that was known of their source.

    Raises:
        UserError: if it is damaged, naming the images, or of another version.
    """
    header = read_header(path)
    table, identity = read_checked(path, header, progress=progress)
    origin = Origin(
        name=header.name,
        kind=header.kind,
        classes=tuple(header.classes),
        titles=tuple(header.titles),
        notes=tuple(header.notes),
        ignored=header.ignored,
        unreadable=tuple(Unreadable(name, reason) for name, reason in header.unreadable),
        flip=header.flip,
        hold_out=tuple(Share(split, share) for split, share in header.hold_out),
        form=header.form,
    )
    times = np.frombuffer(bytes.fromhex(header.source), "<i8")[:1]
    return Collection(
        origin=origin,
        where=shown(str(path)),
        names=table.names,
        labels=table.labels,
        parts=table.parts,
        source=PackedImages.of(path, identity, table),
        stamps=lambda: Stamps(
            np.full(header.images, header.pixel_bytes), np.repeat(times, header.images)
        ),
        in_files=False,
        looks=table.looks,
    )


def read_checked(
    path: Path, header: Header, *, progress: Progress | None = None
) -> tuple[Table, tuple[int, int, int]]:
    """The table of a file all of whose blocks have the checksums of its header, and the file.

    Raises:
        Damaged: naming the blocks, and the images in them.
    """
    with path.open("rb", buffering=0) as file:
        handle = file.fileno()
        identity = identity_of(handle)
        rows = os.pread(handle, header.table_bytes, PIXELS_AT + header.pixel_bytes)
        if sha256(rows).hexdigest() != header.table:
            raise Damaged(path, "the table that names its images has another checksum")
        table = parse_table(rows, header, path)
        if bad := _bad_blocks(handle, header, progress):
            raise Damaged(path, _names_of(bad, table, len(header.blocks)))
    return table, identity


def _bad_blocks(handle: int, header: Header, progress: Progress | None) -> list[int]:
    def differ(blocks: Sequence[int]) -> list[int]:
        bad = []
        for block in blocks:
            start = block * BLOCK_BYTES
            size = min(BLOCK_BYTES, header.pixel_bytes - start)
            content = os.pread(handle, size, PIXELS_AT + start)
            if sha256(content).hexdigest() != header.blocks[block]:
                bad.append(block)
        return bad

    done = reporter("checking packed images", len(header.blocks), progress)
    bad: list[int] = []
    numbers = range(len(header.blocks))
    for count, some in enumerate(in_chunks(differ, numbers, chunk=4, threads=available_cores()), 1):
        bad += some
        done(min(4 * count, len(header.blocks)))
    return bad


def _names_of(bad: Sequence[int], table: Table, blocks: int) -> str:
    offsets = offsets_of(table.widths, table.heights, table.channels)
    first, last = _touched(offsets, bad[0])
    names = f"{table.names[first]!r} to {table.names[last]!r}"
    return f"{len(bad)} of its {blocks} blocks have another checksum, the first holds {names}"


def _touched(offsets: npt.NDArray[np.int64], block: int) -> tuple[int, int]:
    """The first and the last image that a block of pixels holds some of."""
    start, stop = block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES - 1
    places = np.searchsorted(offsets, [start, stop], side="right") - 1
    first, last = np.clip(places, 0, len(offsets) - 2).tolist()
    return first, last
