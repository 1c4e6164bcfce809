"""Decoded images in one file: mapped into memory instead of decoded, checksummed, whole or absent.

Layout: 64 bytes of prefix (magic, place and SHA-256 of the header), pixels from byte 4096 on, image
behind image in rows of bytes, then a table of columns, then the header, which is JSON and holds a
SHA-256 of every 4 MiB.
"""

from convatlas.data.packed._form import PackedForm
from convatlas.data.packed._pixels import PackedPixels, packed_squares
from convatlas.data.packed._read import collect_packed, is_packed
from convatlas.data.packed._source import PackedImages
from convatlas.data.packed._write import write_packed

__all__ = [
    "PackedForm",
    "PackedImages",
    "PackedPixels",
    "collect_packed",
    "is_packed",
    "packed_squares",
    "write_packed",
]
