"""The columns of a packed file: what is said of each image, in about 70 bytes and its name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convatlas.data._names import Names
from convatlas.data._scan import Looks
from convatlas.data.packed._header import Damaged, Header

_COLUMNS = (
    ("name_ends", "<i8", 1), ("labels", "<i4", 1), ("parts", "i1", 1), ("widths", "<i4", 1),
    ("heights", "<i4", 1), ("channels", "u1", 1), ("mode_numbers", "<i2", 1), ("grey", "u1", 1),
    ("digests", "u1", 16),
)  # fmt: skip
Column = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A row an image."""

    names: Names
    labels: npt.NDArray[np.int32]
    parts: npt.NDArray[np.int8]
    widths: npt.NDArray[np.int32]  # of the packed pictures
    heights: npt.NDArray[np.int32]
    channels: npt.NDArray[np.uint8]
    looks: Looks  # at the pictures that were packed, with the packed ones' sizes

    def as_bytes(self) -> bytes:
        """The columns one behind another, the names last."""
        raw = [name.encode("utf-8", "surrogateescape") for name in self.names]
        given = {
            "name_ends": np.cumsum([len(name) for name in raw]),
            "labels": self.labels, "parts": self.parts, "widths": self.widths,
            "heights": self.heights, "channels": self.channels,
            "mode_numbers": self.looks.mode_numbers, "grey": self.looks.grey,
            "digests": self.looks.digests,
        }  # fmt: skip
        columns = [given[name].astype(kind).tobytes() for name, kind, _ in _COLUMNS]
        return b"".join([*columns, *raw])


def offsets_of(
    widths: npt.NDArray[np.int32],
    heights: npt.NDArray[np.int32],
    channels: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    """Where each image starts among the pixels, and where the last one ends: [n + 1]."""
    sizes = widths.astype(np.int64) * heights * channels
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def parse_table(content: bytes, header: Header, path: Path) -> Table:
    """The table that a file holds.

    Raises:
        Damaged: if it does not fit the header.
    """
    n, place = header.images, 0
    columns: dict[str, npt.NDArray[np.generic]] = {}
    for name, kind, width in _COLUMNS:
        size = n * width * np.dtype(kind).itemsize
        if place + size > len(content):
            raise Damaged(path, "its table is too short")
        columns[name] = np.frombuffer(content, kind, n * width, place)
        place += size
    ends = columns["name_ends"].astype(np.int64)
    raw = content[place:]
    starts = np.concatenate([[0], ends[:-1]])
    if (ends < starts).any() or starts[0] != 0 or ends[-1] != len(raw):
        raise Damaged(path, "its names do not fit")
    names = Names(
        raw[a:b].decode("utf-8", "surrogateescape")
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    )
    table = Table(
        names=names,
        labels=columns["labels"].astype(np.int32), parts=columns["parts"].astype(np.int8),
        widths=columns["widths"].astype(np.int32), heights=columns["heights"].astype(np.int32),
        channels=columns["channels"].astype(np.uint8),
        looks=Looks(
            columns["widths"].astype(np.int32), columns["heights"].astype(np.int32),
            columns["mode_numbers"].astype(np.int16), columns["grey"].astype(bool),
            columns["digests"].reshape(n, 16).astype(np.uint8), list(header.modes),
        ),
    )  # fmt: skip
    _check(table, header, path)
    return table


def _check(table: Table, header: Header, path: Path) -> None:
    inside = (
        (table.widths > 0) & (table.heights > 0) & np.isin(table.channels, (1, 3))
        & (table.labels >= 0) & (table.labels < len(header.classes))
        & (table.parts >= -1) & (table.parts <= 2)
        & (table.looks.mode_numbers >= 0) & (table.looks.mode_numbers < len(header.modes))
    )  # fmt: skip
    if not inside.all():
        raise Damaged(path, f"row {int(inside.argmin())} of its table is none")
    if offsets_of(table.widths, table.heights, table.channels)[-1] != header.pixel_bytes:
        raise Damaged(path, "its images do not fit its length")
