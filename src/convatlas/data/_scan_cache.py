"""What the last scan of a folder found, so that the next one decodes only what changed."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import PIL

from convatlas.data._scan import Look
from convatlas.files import write_atomic

_FORMAT = 1  # to be raised when decoding gives other pixels


class Stamp(NamedTuple):
    """What tells that a file is as it was."""

    size: int
    mtime_ns: int


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a file; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def recall(
    cache: Path, root: Path, names: Sequence[str], stamps: Sequence[Stamp | None]
) -> dict[str, Look]:
    """The looks at those files under `root` that are as they were; damaged ones count as none."""
    try:
        content = json.loads((cache / "scan.json").read_bytes())
        if content["of"] != _conditions(root):
            return {}
        files: Mapping[str, Any] = content["files"]
        return {
            name: look
            for name, stamp in zip(names, stamps, strict=True)
            if stamp and (look := _look(files.get(name), stamp))
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def remember(
    cache: Path,
    root: Path,
    names: Sequence[str],
    stamps: Sequence[Stamp | None],
    looks: Sequence[Look | None],
) -> None:
    """Store the looks; a file that could not be read is looked at again next time."""
    files = {
        name: [*stamp, look.width, look.height, look.mode, int(look.grey), look.digest.hex()]
        for name, stamp, look in zip(names, stamps, looks, strict=True)
        if stamp and look
    }
    content = json.dumps({"of": _conditions(root), "files": files})
    write_atomic(cache / "scan.json", content.encode())


def _conditions(root: Path) -> dict[str, Any]:
    return {"format": _FORMAT, "pillow": PIL.__version__, "root": os.fsdecode(root.resolve())}


def _look(record: Any, stamp: Stamp) -> Look | None:
    if record is None or (record[0], record[1]) != stamp:
        return None
    width, height, mode, grey, digest = record[2:]
    well_formed = (
        type(width) is int and type(height) is int and width > 0 and height > 0
        and isinstance(mode, str)
    )  # fmt: skip
    return Look(width, height, mode, bool(grey), bytes.fromhex(digest)) if well_formed else None
