"""Printed figures beside recomputed ones, as `check` and `show` print them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convatlas.cli._console import print_table

if TYPE_CHECKING:
    from convatlas.analysis import Checked


def print_figures(rows: "Sequence[Checked]", *, with_net: bool) -> None:
    """The table, then the causes of what differs, each once."""
    causes = list(dict.fromkeys(row.fact.because for row in rows if row.fact.because))
    numbers = {cause: f" [{number}]" for number, cause in enumerate(causes, start=1)}
    cells = [
        [
            row.fact.variant,
            row.label,
            row.source,
            row.printed,
            f"{row.measured:,}",
            row.outcome + numbers.get(row.fact.because, ""),
        ]
        for row in rows
    ]
    columns = ["net", "figure", "source", "printed", "measured", "verdict"]
    first = 0 if with_net else 1
    print_table(columns[first:], [row[first:] for row in cells])
    if causes:
        print_table(["", "because"], [[f"[{i}]", cause] for i, cause in enumerate(causes, 1)])
