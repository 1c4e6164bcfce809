"""A table of what is known of images: one row for each, read from a CSV file."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convatlas.errors import UserError

NAME_COLUMNS = ("name", "image", "file", "filename", "path")
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Attributes:
    """Columns of values as written in the file, and which row belongs to which image."""

    columns: Mapping[str, Sequence[str]]  # a value per row; the column of names is not among them
    names: Sequence[str]  # per row


def read_attributes(path: Path) -> Attributes:
    """The table in a CSV file: a header, one column of image names, any number of others.

    Values are separated by commas, semicolons or tabs, whichever the header has most of. The names
    stand in the column called name, image, file, filename or path.

    Raises:
        UserError: if it cannot be read, has no such column, or rows of another length.
    """
    rows = _rows(path)
    header = [title.strip() for title in rows[0]]
    twice = [title for title, n in Counter(header).items() if n > 1]
    if twice:
        raise UserError(f"{str(path)!r} has several columns called {twice[0]!r}. Rename one.")
    place = next((i for i, title in enumerate(header) if title.lower() in NAME_COLUMNS), None)
    if place is None or len(header) < 2:
        raise UserError(
            f"{str(path)!r} has the columns {', '.join(map(repr, header))}; needed are one with "
            f"the images' names, called {', '.join(NAME_COLUMNS)}, and at least one other."
        )
    body = rows[1:]
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            raise UserError(
                f"{str(path)!r}: row {number} has {len(row)} values and the header {len(header)}. "
                "Quote a value that holds the separator."
            )
    columns = {
        title: [row[i].strip() for row in body] for i, title in enumerate(header) if i != place
    }
    return Attributes(columns, [row[place].strip() for row in body])


def rows_of(images: Sequence[str], attributes: Attributes, path: Path) -> list[int | None]:
    """For each image its row, or None; a row's name is the whole name or its end after a slash.

    Raises:
        UserError: if two rows are for one image, or one row's name fits several images.
    """
    rows: dict[int, int] = {}
    whole = {name: i for i, name in enumerate(images)}
    ends: dict[str, list[int]] = {}
    depths = {name.count("/") for name in attributes.names if name not in whole}
    for i, image in enumerate(images):
        parts = image.split("/")
        for depth in depths:
            if depth + 1 < len(parts):
                ends.setdefault("/".join(parts[-depth - 1 :]), []).append(i)
    for row, given in enumerate(attributes.names):
        name = given.replace(os.sep, "/").removeprefix("./")
        fitting = [whole[name]] if name in whole else ends.get(name, [])
        if len(fitting) > 1:
            raise UserError(
                f"{str(path)!r}: {given!r} fits {len(fitting)} images, {images[fitting[0]]!r} "
                f"and {images[fitting[1]]!r}. Write their names from the data's folder on."
            )
        for image_number in fitting:
            if image_number in rows:
                raise UserError(
                    f"{str(path)!r}: rows {rows[image_number] + 2} and {row + 2} are both for "
                    f"image {images[image_number]!r}. Keep one."
                )
            rows[image_number] = row
    return [rows.get(i) for i in range(len(images))]


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {(error.strerror or '').lower()}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is not UTF-8 text. Save it as CSV in UTF-8.") from error
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = [
            row for row in csv.reader(text.splitlines(keepends=True), delimiter=separator) if row
        ]
    except csv.Error as error:
        raise UserError(f"{str(path)!r} is not CSV: {error}.") from error
    if len(rows) < 2:
        raise UserError(f"{str(path)!r} has no rows below a header.")
    return rows
