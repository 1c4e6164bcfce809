"""Tables that sort when a header is clicked."""

from collections.abc import Sequence
from dataclasses import dataclass

from convatlas.reports._html import Html, element


@dataclass(frozen=True, slots=True)
class Column:
    """A header; figures stand to the right and sort by value."""

    title: str
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and what it sorts by (None: always last)."""

    content: str
    value: str | float | None = None


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    states: Sequence[str] = (),
    marked: int | None = None,
    sortable: bool = True,
    tall: bool = False,
) -> Html:
    """A table whose first cell of a row is that row's header.

    Args:
        states: one per row; what the filter above the table goes by.
        marked: the row that stands out.
        tall: scrolls in its own frame on the screen; prints in full.
    """
    body = [
        element(
            "tr",
            *(
                _cell(column, cell, i == 0)
                for i, (column, cell) in enumerate(zip(columns, row, strict=True))
            ),
            class_="marked" if index == marked else None,
            data_state=states[index] if states else None,
        )
        for index, row in enumerate(rows)
    ]
    content = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", *(_header(c, sortable) for c in columns))),
        element("tbody", *body),
        class_="sortable" if sortable else None,
    )
    frame = "frame tall" if tall else "frame"
    return element("div", content, class_=frame, tabindex="0", role="region", aria_label=caption)


def filters(states: Sequence[str]) -> Html:
    """Buttons that show the rows of one state; the table follows as the next sibling."""
    names = list(dict.fromkeys(states))
    buttons = [_filter("all", len(states), pressed=True)]
    buttons += [_filter(s, states.count(s), pressed=False) for s in names]
    return element("div", *buttons, class_="filters", role="group", aria_label="Show by state")


def pairs(rows: Sequence[tuple[str, str]]) -> Html:
    """Terms with what they mean or measure."""
    return element(
        "dl", *(element("div", element("dt", term), element("dd", what)) for term, what in rows)
    )


def bar(share: float, *, over: bool = False) -> Html:
    """A bar filled to `share` of its length, at most to its end."""
    width = 100 * min(max(share, 0.0), 1.0)
    fill = element("span", style=f"width:{width:.1f}%", class_="over" if over else None)
    return element("span", fill, class_="bar", aria_hidden="true")


def _filter(state: str, n: int, *, pressed: bool) -> Html:
    number = element("span", f"{n:,}", class_="n")
    return element(
        "button",
        state,
        " ",
        number,
        type="button",
        data_filter=state,
        aria_pressed="true" if pressed else "false",
    )


def _header(column: Column, sortable: bool) -> Html:
    title = element("button", column.title, type="button") if sortable else column.title
    return element("th", title, scope="col", class_="figures" if column.figures else None)


def _cell(column: Column, cell: Cell, first: bool) -> Html:
    return element(
        "th" if first else "td",
        cell.content,
        scope="row" if first else None,
        class_="figures" if column.figures else None,
        data_value="" if cell.value is None else cell.value,
    )
