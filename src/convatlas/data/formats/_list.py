"""A list of images in a table: `path,label[,split]`, a header first, commas or tabs between.

Paths count from the table's folder. Labels are names, or numbers counted from 0 in a `classes.txt`
beside the table.
"""

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from convatlas.data._collection import UNDIVIDED, Collection, Origin
from convatlas.data._folder import split_called
from convatlas.data._names import Names
from convatlas.data._shard_labels import CLASS_LIST, class_list
from convatlas.data._sources import FileImages
from convatlas.data._stamps import stamps_of
from convatlas.data._types import SPLITS
from convatlas.data._walk import shown
from convatlas.errors import UserError

_ENDINGS = (".csv", ".tsv")
_MOST_LABEL = 1_000  # characters
_COLUMNS = ("path", "label", "split")


def is_list(path: Path) -> bool:
    """Whether a file claims to be such a table."""
    return path.suffix.lower() in _ENDINGS


@dataclass(slots=True)
class _Rows:
    """The table's rows in columns."""

    paths: Names = field(default_factory=Names)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    parts: "array[int]" = field(default_factory=lambda: array("b"))
    spelt: dict[str, int] = field(default_factory=dict)  # labels, and the line of the first


def collect_list(path: Path) -> Collection:
    """The images that the table names; whether their files are there is seen when they are read.

    Raises:
        UserError: naming the line, for what is wrong in the table.
    """
    where = shown(str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _read(file, where)
    except OSError as error:
        raise UserError(f"Cannot read {where!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where!r} is no text in UTF-8 (byte {error.object[error.start]:#04x}). Save it so."
        ) from error
    if not len(rows.paths):
        raise UserError(f"{where!r} lists no images below its header. Add a line for each.")
    _check_twice(rows, where)
    classes, position = _classes(rows, path)
    source = FileImages(os.path.join(os.path.dirname(path), ""), rows.paths)
    parts = np.frombuffer(rows.parts, np.int8)
    only_training = set(np.unique(parts).tolist()) == {SPLITS.index("train")}
    return Collection(
        origin=Origin(name=shown(path.stem), kind="list", classes=classes),
        where=where,
        names=Names(map(shown, rows.paths)),
        labels=position[np.frombuffer(rows.labels, np.int32)],
        parts=np.full_like(parts, UNDIVIDED) if only_training else parts,
        source=source,
        stamps=lambda: stamps_of((source.path(i) for i in range(len(parts))), len(parts)),
    )


def _read(file: TextIO, where: str) -> _Rows:
    header = file.readline()
    delimiter = "\t" if "\t" in header else ","
    columns = _columns(header, delimiter, where)
    rows = _Rows()
    table = csv.reader(_without_nul(file, where), delimiter=delimiter, strict=True)
    numbers: dict[str, int] = {}
    try:
        for row in table:
            if row:
                _add(rows, row, columns, numbers, f"{where!r}, line {table.line_num + 1}")
                rows.lines.append(table.line_num + 1)
    except csv.Error as error:
        raise UserError(f"{where!r}, line {table.line_num + 1}: {error}. Mend the line.") from error
    return rows


def _without_nul(file: TextIO, where: str) -> Iterator[str]:
    """The lines; some versions of csv pass over NUL in silence."""
    for number, line in enumerate(file, 2):
        if "\0" in line:
            raise UserError(f"{where!r}, line {number}: it holds a NUL character. Mend the line.")
        yield line


def _columns(header: str, delimiter: str, where: str) -> Sequence[str]:
    try:
        names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise UserError(f"{where!r}, line 1: {error}. Mend the header.") from error
    columns = [name.strip().lower() for name in names]
    wanted = columns[: len(_COLUMNS)]
    if tuple(columns) not in (_COLUMNS[:2], _COLUMNS):
        raise UserError(
            f"{where!r} starts with {header.strip()[:80]!r}; its first line must be "
            "'path,label' or 'path,label,split' (commas or tabs between)."
        )
    return wanted


def _add(
    rows: _Rows, row: Sequence[str], columns: Sequence[str], numbers: dict[str, int], line: str
) -> None:
    if len(row) != len(columns):
        raise UserError(
            f"{line} has {len(row)} fields, not {len(columns)}: {row[0][:80]!r}. Put names that "
            "hold the delimiter in quotes."
        )
    path, label = row[0], row[1].strip()
    if not path.strip():
        raise UserError(f"{line} names no file.")
    if not label or len(label) > _MOST_LABEL:
        what = f"a label of {len(label):,} characters" if label else "no label"
        raise UserError(f"{line} gives {path[:80]!r} {what}.")
    part = UNDIVIDED
    if len(row) > 2 and (given := row[2].strip()):
        split = split_called(given)
        if split is None:
            raise UserError(
                f"{line} gives the split {given[:40]!r}. Write one of: {', '.join(SPLITS)}."
            )
        part = SPLITS.index(split)
    rows.paths.append(path)
    rows.labels.append(numbers.setdefault(label, len(numbers)))
    rows.spelt.setdefault(label, len(rows.paths) - 1)
    rows.parts.append(part)


def _check_twice(rows: _Rows, where: str) -> None:
    """No file may be listed twice: copies would be counted twice, or lie in two splits."""
    hashes = np.fromiter((hash(os.path.normpath(p)) for p in rows.paths), np.int64, len(rows.paths))
    in_order = np.argsort(hashes, kind="stable")
    equal = np.flatnonzero(np.diff(hashes[in_order]) == 0)
    for place in equal.tolist():
        a, b = int(in_order[place]), int(in_order[place + 1])
        if os.path.normpath(rows.paths[a]) == os.path.normpath(rows.paths[b]):
            raise UserError(
                f"{where!r} lists {rows.paths[b]!r} in line {rows.lines[b]} and in line "
                f"{rows.lines[a]}. Keep one of them."
            )


def _classes(rows: _Rows, path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes, and for each label in the order of its first line its position among them."""
    spelt = list(rows.spelt)
    numbered = all(text.isascii() and text.isdigit() and len(text) < 10 for text in spelt)
    own = class_list(os.fspath(path))
    if own is None:
        classes = sorted(spelt, key=lambda text: (int(text), text)) if numbered else sorted(spelt)
        keys = spelt
    else:
        classes = list(own)
        keys = [own[int(t)] if numbered and int(t) < len(own) else t for t in spelt]
    position = {label: place for place, label in enumerate(classes)}
    for text, key in zip(spelt, keys, strict=True):
        if key not in position:
            raise UserError(
                f"{shown(str(path))!r}, line {rows.lines[rows.spelt[text]]}, has the label "
                f"{text!r}, which {CLASS_LIST!r} beside it does not list (numbers count from 0). "
                "Mend the label or the list."
            )
    return tuple(classes), np.array([position[key] for key in keys], np.int32)
