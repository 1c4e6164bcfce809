"""The same scores on parts of the images: by weather, by camera, by whatever a table knows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.errors import UserError
from convatlas.evaluation._mean import mean
from convatlas.evaluation._scored import Scored
from convatlas.evaluation.metrics._attributes import Attributes, read_attributes, rows_of
from convatlas.evaluation.metrics._intervals import Interval, error_interval

MOST_VALUES = 100  # of a column of words
_MOST_NUMBERS = 12  # different numbers that are values; more are cut into ranges
_RANGES = 4
_NAMED = 20
_EMPTY = "(empty)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The images that share a value of a column."""

    value: str
    n: int
    errors: int
    top1_error: float  # percent
    interval: Interval
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedColumn:
    """A column's slices; together they hold every image that has a row, each once."""

    column: str
    by: Literal["value", "range"]  # a range: a quarter of the images each, by number
    slices: tuple[Slice, ...]
    empty: tuple[str, ...]  # values that stand in the table and at no scored image


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """All columns, and what of table and images did not meet (at most 20 names of each)."""

    table: str
    columns: tuple[SlicedColumn, ...]
    left_out: tuple[tuple[str, int], ...]  # columns with too many different words, and how many
    n: int  # images with a row
    images_without_row: int
    without_row: tuple[str, ...]
    rows_without_image: int
    without_image: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def slices(scored: Scored, table: Path) -> Slices:
    """Errors of `scored` for each value of each column of a CSV file.

    A column of more than 12 different numbers is cut into four ranges of equally many images (equal
    numbers stay together); one of more than 100 different words is left out by name.

    Raises:
        UserError: if the file is no such table, or none of its rows is of a scored image.
    """
    attributes, rows = _met(scored.names, table)
    images = np.array([i for i, row in enumerate(rows) if row is not None], np.int64)
    used = [row for row in rows if row is not None]
    columns, left_out = [], []
    for column, values in attributes.columns.items():
        sliced = _sliced(scored, images, column, [values[r] for r in used], values)
        if isinstance(sliced, int):
            left_out.append((column, sliced))
        else:
            columns.append(sliced)
    unused = sorted(set(range(len(attributes.names))) - set(used))
    lone = [scored.names[i] for i, row in enumerate(rows) if row is None]
    return Slices(
        table=table.name,
        columns=tuple(columns),
        left_out=tuple(left_out),
        n=len(images),
        images_without_row=len(lone),
        without_row=tuple(lone[:_NAMED]),
        rows_without_image=len(unused),
        without_image=tuple(attributes.names[r] for r in unused[:_NAMED]),
    )


def check_slices(names: Sequence[str], table: Path) -> None:
    """Refuse a table that does not fit the images `names`, before they are scored.

    Raises:
        UserError: as `slices`.
    """
    _met(names, table)


def _met(names: Sequence[str], table: Path) -> tuple[Attributes, list[int | None]]:
    """The table, and the row of each image; at least one has a row."""
    attributes = read_attributes(table)
    rows = rows_of(names, attributes, table)
    if all(row is None for row in rows):
        raise UserError(
            f"{str(table)!r}: none of its {len(attributes.names):,} rows is of a scored image. Its "
            f"first name is {attributes.names[0]!r}, that of the images {names[0]!r}."
        )
    return attributes, rows


def _sliced(
    scored: Scored,
    images: npt.NDArray[np.int64],
    column: str,
    own: Sequence[str],
    every: Sequence[str],
) -> SlicedColumn | int:
    """The slices of a column, or the number of its different values where they are too many."""
    numbers = _numbers(own)
    if numbers is not None and len(set(numbers[np.isfinite(numbers)].tolist())) > _MOST_NUMBERS:
        parts = _ranges(numbers)
        made = [_slice(scored, images[inside], name) for name, inside in parts]
        return SlicedColumn(column=column, by="range", slices=tuple(made), empty=())
    values = np.array(own)
    different = sorted(set(own), key=_by_number)
    if len(different) > MOST_VALUES:
        return len(different)
    made = [_slice(scored, images[values == value], value or _EMPTY) for value in different]
    empty = sorted(set(every) - set(own), key=_by_number)
    return SlicedColumn(column=column, by="value", slices=tuple(made), empty=tuple(empty))


def _slice(scored: Scored, images: npt.NDArray[np.int64], value: str) -> Slice:
    found, n = scored.outcomes, len(images)
    errors = int((found.rank[images] > 1).sum())
    return Slice(
        value=value,
        n=n,
        errors=errors,
        top1_error=100.0 * errors / n,
        interval=error_interval(errors, n),
        loss=mean(found.loss[images]),
    )


def _ranges(
    numbers: npt.NDArray[np.float64],
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Quarters by size; equal numbers never part, so that fewer than four may come out."""
    known = numbers[np.isfinite(numbers)]
    cuts = np.quantile(known, np.arange(1, _RANGES) / _RANGES, method="inverted_cdf")
    part = np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers, side="left"), _RANGES)
    found = []
    for number in range(_RANGES):
        inside = part == number
        if inside.any():
            low, high = numbers[inside].min(), numbers[inside].max()
            found.append((f"{low:g} to {high:g}" if low < high else f"{low:g}", inside))
    if len(known) < len(numbers):
        found.append((_EMPTY, part == _RANGES))
    return found


def _numbers(values: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """The values as numbers, NaN for an empty one; None if any is a word."""
    numbers = [_number(value) if value else nan for value in values]
    if any(n is None for n in numbers):
        return None
    return np.array(numbers, np.float64)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _by_number(value: str) -> tuple[bool, float, str]:
    number = _number(value)
    return number is None, number or 0.0, value
