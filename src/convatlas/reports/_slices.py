"""A table for each column that the images were sliced by."""

from typing import TYPE_CHECKING

from convatlas.reports import _units as units
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._tables import Cell, Column, bar, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Evaluation, Slices
    from convatlas.evaluation.metrics import Slice, SlicedColumn

_COLUMNS = (
    Column("Value"),
    Column("Images", figures=True),
    Column("Top-1 error", figures=True),
    Column("95 % interval", figures=True),
    Column("Against all"),
)


def section(found: "Slices", whole: "Evaluation") -> Html:
    """All columns, the hardest slice of each first, and what did not meet."""
    parts = [_column(column, whole.top1_error) for column in found.columns]
    notes = []
    if found.images_without_row:
        some = ", ".join(found.without_row[:3])
        images = units.counted(found.images_without_row, "scored image")
        notes.append(f"{images} without a row in {found.table}: {some} ...")
    if found.rows_without_image:
        some = ", ".join(found.without_image[:3])
        rows = units.counted(found.rows_without_image, "row")
        notes.append(f"{rows} of {found.table} of no scored image: {some} ...")
    for column, n in found.left_out:
        notes.append(f"Column {column!r} was left out: it has {n:,} different values.")
    if notes:
        parts.append(element("ul", *(element("li", note) for note in notes)))
    return join(parts)


def _column(column: "SlicedColumn", error: float) -> Html:
    rows = [_row(s, error) for s in sorted(column.slices, key=lambda s: -s.top1_error)]
    caption = "The hardest first. Stands out: a slice whose interval leaves the error of all images"
    if column.empty:
        caption += f". In the table but at no scored image: {', '.join(column.empty[:10])}"
    listing = table(caption, _COLUMNS, rows, tall=len(rows) > 12)
    return join([element("h3", "By ", name(column.column, 60)), listing])


def _row(s: "Slice", error: float) -> list[Cell]:
    standing, word = None, units.MISSING
    if s.interval.low > error:
        standing, word = "no", "worse"
    elif s.interval.high < error:
        standing, word = "yes", "better"
    return [
        Cell(name(s.value, 60), s.value),
        Cell(units.count(s.n), s.n),
        Cell(
            join([bar(s.top1_error / 100), element("span", units.percent(s.top1_error))]),
            s.top1_error,
        ),
        Cell(f"{s.interval.low:.1f} to {s.interval.high:.1f} %"),
        Cell(element("span", word, class_=standing), word),
    ]
