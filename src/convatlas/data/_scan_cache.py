"""What the last scan found, so that the next one decodes only what changed.

A line of JSON an image behind a line of conditions: read and written in little memory, and a
damaged line costs one image.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL

from convatlas.data._collection import Collection, Stamps
from convatlas.data._scan import Look, Looks
from convatlas.files import writing

_FORMAT = 2  # to be raised when decoding gives other pixels
_NAME = "scan.jsonl"
_DIGEST = 16
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


def recall(cache: Path, collection: Collection, stamps: Stamps) -> Looks:
    """The looks at those images that are as they were; damaged ones count as none."""
    looks = Looks.none_of(len(collection))
    try:
        with (cache / _NAME).open("rb") as file:
            if json.loads(file.readline()) != _conditions(collection):
                return looks
            for index, line in _in_turn(collection, file):
                if (look := _look(line, stamps, index)) is not None:
                    looks[index] = look
    except (OSError, *_BROKEN):
        pass
    return looks


def _in_turn(collection: Collection, lines: Iterator[bytes]) -> Iterator[tuple[int, list[Any]]]:
    """Records with the numbers of their images: mostly the next one, so no table is needed."""
    number: dict[str, int] = {}
    place = 0
    for line in lines:
        try:
            record = json.loads(line)
            name = record[0]
        except _BROKEN:
            continue
        if not isinstance(name, str):
            continue
        if place < len(collection) and collection.names[place] == name:
            index: int | None = place
        else:
            number = number or {name: i for i, name in enumerate(collection.names)}
            index = number.get(name)
        if index is not None:
            place = index + 1
            yield index, record


def _look(record: list[Any], stamps: Stamps, index: int) -> Look | None:
    try:
        _, size, time, width, height, mode, grey, digest = record
        well_formed = (
            type(width) is int and type(height) is int and 0 < width < 2**31 and 0 < height < 2**31
            and isinstance(mode, str) and len(raw := bytes.fromhex(digest)) == _DIGEST
        )  # fmt: skip
        if not well_formed or (size, time) != (stamps.sizes[index], stamps.times[index]):
            return None
        return Look(width, height, mode, bool(grey), raw)
    except _BROKEN:
        return None


def remember(cache: Path, collection: Collection, stamps: Stamps, looks: Looks) -> None:
    """Store the looks; a file that could not be read is looked at again next time."""
    with writing(cache / _NAME) as temporary, temporary.open("w", encoding="ascii") as file:
        file.write(json.dumps(_conditions(collection)) + "\n")
        for index in looks.readable.tolist():
            look = looks[index]
            record = [
                collection.names[index], int(stamps.sizes[index]), int(stamps.times[index]),
                look.width, look.height, look.mode, int(look.grey), look.digest.hex(),
            ]  # fmt: skip
            file.write(json.dumps(record) + "\n")


def _conditions(collection: Collection) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "pillow": PIL.__version__,
        "root": os.path.realpath(collection.where),
    }
