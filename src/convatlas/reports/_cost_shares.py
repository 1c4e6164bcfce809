"""Where in a net the costs arise: through its depth, on the way down, by type of layer."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from convatlas.reports import _units as units
from convatlas.reports._chart import SERIES, Figure, axis, chart, figure, label, lines
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._net_cost import NetCost, line_legend, stroke
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:
    from convatlas.analysis import CostReport, CostRow

_DOWN = 8  # the maps' side is an eighth of the image's: 28 of 224
_BAR, _GROUP = 30, 46  # pixels of the row of a bar and of three bars


class Quantity(NamedTuple):
    """A column of a cost report."""

    key: str
    title: str
    value: "Callable[[CostRow], int]"


MULT_ADDS = Quantity("mult-adds", "mult-adds", lambda row: row.mult_adds)
PARAMS = Quantity("params", "parameters", lambda row: row.params)
ACTIVATIONS = Quantity("activations", "activations", lambda row: row.activations)
ACCESS = Quantity("access", "memory access", lambda row: row.memory_access)

_TYPES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("1x1", lambda label: label == "1x1"),
    ("3x3", lambda label: label == "3x3"),
    ("depthwise", lambda label: label.startswith("depthwise ")),
    ("grouped", lambda label: label.startswith("grouped ")),
    ("other windows", lambda label: label.replace("x", "").isdigit() and "x" in label),
    ("linear", lambda label: label == "linear"),
    ("batch norm", lambda label: label == "batch norm"),
    ("other layers", lambda label: True),
)


def depth(nets: Sequence[NetCost], figures: dict[str, Figure]) -> Html:
    """Shares of the costs that lie before each depth."""
    charts = []
    for quantity in (MULT_ADDS, PARAMS, ACTIVATIONS, ACCESS):
        key = f"depth-{quantity.key}"
        figures[key] = _cumulative(nets, quantity)
        charts.append(
            chart(
                key,
                f"Line chart: share of {quantity.title} that lies before each depth.",
                f"Share of {quantity.title} up to a depth.",
            )
        )
    text = element(
        "p",
        "Depth counts the convolutions and linear layers, in percent of their number. A line that "
        "rises early spends at the start, on large maps; one that rises late, on many channels.",
    )
    return join([text, line_legend(nets), element("div", *charts, class_="two")])


def _cumulative(nets: Sequence[NetCost], quantity: Quantity) -> Figure:
    data = [_line(i, net, quantity) for i, net in enumerate(nets)]
    ends = [-2, 102]
    layout = {
        "height": 340,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": axis("depth", ticksuffix=" %", range=ends),
        "yaxis": axis(quantity.title, ticksuffix=" %", range=ends),
    }
    return figure(data, layout, narrow={"height": 320})


def _line(index: int, net: NetCost, quantity: Quantity) -> dict[str, Any]:
    """A point at each layer that multiplies; what lies between counts to the one before."""
    rows = net.report.rows
    sums = list(accumulate(quantity.value(row) for row in rows))
    total = (sums[-1] if sums else 0) or 1
    layers = [i for i, row in enumerate(rows) if row.mult_adds]
    after = [*(i - 1 for i in layers[1:]), len(rows) - 1]  # the last row before the next layer
    count = len(layers) or 1
    shares = [100 * sums[i] / total for i in after[: len(layers)]]
    hovers = [
        lines(
            f"<b>{label(net.name, 60)}</b>",
            f"{label(rows[i].name, 60)}, layer {k} of {count}",
            f"{share:.1f} % of {units.scaled(total)} {quantity.title}",
        )
        for k, (i, share) in enumerate(zip(layers, shares, strict=True), 1)
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(net.name),
        "x": [0, *(100 * k / count for k in range(1, len(layers) + 1))],
        "y": [0, *shares],
        "text": ["", *hovers],
        "hovertemplate": "%{text}<extra></extra>",
        "line": stroke(index),
    }


def stem(nets: Sequence[NetCost], figures: dict[str, Figure]) -> Html:
    """What it costs until the maps' side is an eighth of the image's; empty if none gets there."""
    found = [(net, _way_down(net.report)) for net in nets]
    reached = [(net, rows) for net, rows in found if rows]
    if not reached:
        return join([])
    figures["stem"] = _stem_bars(reached)
    parts = [
        element(
            "p",
            "Maps of many pixels are dear. These are the layers up to the first whose maps have an "
            "eighth of the image's side (28 of 224 pixels). GoogLeNet gets there by a short stem, "
            "VGG through all the convolutions of its first three stages.",
        ),
        chart(
            "stem",
            "Bar chart: share of each net's costs that lies before an eighth of the side.",
            "Share of the whole net that is spent on the way down.",
        ),
        _stem_table(found),
    ]
    return join(parts)


def _way_down(report: "CostReport") -> "tuple[CostRow, ...]":
    """The rows up to the first map of an eighth of the side; empty where none is so small."""
    goal = max(report.shape[1:]) / _DOWN
    for i, row in enumerate(report.rows):
        if len(row.out_shape) == 3 and 1 < max(row.out_shape[1:]) <= goal:
            return report.rows[: i + 1]
    return ()


def _stem_bars(reached: "Sequence[tuple[NetCost, tuple[CostRow, ...]]]") -> Figure:
    names = [label(net.name, 28) for net, _ in reached]
    quantities = (MULT_ADDS, ACTIVATIONS, PARAMS)
    data = []
    for colour, quantity in zip(SERIES, quantities, strict=False):
        shares = [_share(rows, net.report, quantity) for net, rows in reached]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": quantity.title,
                "y": list(range(len(names))),
                "x": shares,
                "marker": {"color": colour},
                "text": [
                    f"{n}: {s:.1f} % of {quantity.title}"
                    for n, s in zip(names, shares, strict=True)
                ],
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return _bars(data, names, row=_GROUP, barmode="group")


def _share(rows: "Sequence[CostRow]", report: "CostReport", quantity: Quantity) -> float:
    whole = sum(quantity.value(row) for row in report.rows)
    return 100 * sum(quantity.value(row) for row in rows) / whole if whole else 0.0


def _stem_table(found: "Sequence[tuple[NetCost, tuple[CostRow, ...]]]") -> Html:
    columns = (
        Column("Net"),
        Column("Ends with"),
        Column("Layers", figures=True),
        Column("Mult-adds", figures=True),
        Column("of the net", figures=True),
        Column("Activations", figures=True),
        Column("of the net", figures=True),
        Column("Params", figures=True),
        Column("of the net", figures=True),
    )
    return table(
        "The way down to an eighth of the side",
        columns,
        [_stem_row(net, rows) for net, rows in found],
    )


def _stem_row(net: NetCost, rows: "tuple[CostRow, ...]") -> list[Cell]:
    if not rows:
        missing = [Cell(units.MISSING) for _ in range(7)]
        return [Cell(name(net.name, 60), net.name), Cell("no map is that small"), *missing]
    layers = sum(row.mult_adds > 0 for row in rows)
    cells = [
        Cell(name(net.name, 60), net.name),
        Cell(name(rows[-1].name, 60), rows[-1].name),
        Cell(f"{layers}", layers),
    ]
    for quantity in (MULT_ADDS, ACTIVATIONS, PARAMS):
        amount = sum(quantity.value(row) for row in rows)
        share = _share(rows, net.report, quantity)
        cells += [Cell(units.scaled(amount), amount), Cell(units.percent(share), share)]
    return cells


def types(nets: Sequence[NetCost], figures: dict[str, Figure]) -> Html:
    """Share of mult-adds and memory access by type of layer."""
    charts = []
    for quantity in (MULT_ADDS, ACCESS):
        key = f"types-{quantity.key}"
        figures[key] = _stacked(nets, quantity)
        charts.append(
            chart(
                key,
                f"Stacked bar chart: share of {quantity.title} by type of layer.",
                f"Share of {quantity.title}.",
            )
        )
    return element("div", *charts)


def _stacked(nets: Sequence[NetCost], quantity: Quantity) -> Figure:
    names = [label(net.name, 28) for net in nets]
    sums = [_by_type(net.report, quantity) for net in nets]
    data = []
    for colour, (kind, _) in zip(SERIES, _TYPES, strict=True):
        shares = [100 * found[kind] / (sum(found.values()) or 1) for found in sums]
        if not any(shares):
            continue
        texts = [
            f"{n}: {kind} {share:.1f} %, {units.scaled(found[kind])}"
            for n, share, found in zip(names, shares, sums, strict=True)
        ]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": kind,
                "y": list(range(len(names))),
                "x": shares,
                "marker": {"color": colour, "line": {"width": 0.5, "color": "var(--page)"}},
                "text": texts,
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return _bars(data, names, row=_BAR, barmode="stack")


def _by_type(report: "CostReport", quantity: Quantity) -> dict[str, int]:
    found = {kind: 0 for kind, _ in _TYPES}
    for row in report.rows:
        kind = next(kind for kind, belongs in _TYPES if belongs(row.label))
        found[kind] += quantity.value(row)
    return found


def _bars(data: list[dict[str, Any]], names: list[str], *, row: int, barmode: str) -> Figure:
    layout = {
        "height": 80 + row * len(names),
        "barmode": barmode,
        "bargap": 0.25,
        "margin": {"l": 60, "r": 24, "t": 36, "b": 30},
        "xaxis": axis("", ticksuffix=" %", range=[0, 100]),
        "yaxis": axis(
            "",
            tickvals=list(range(len(names))),
            ticktext=names,
            range=[len(names) - 0.5, -0.5],
            showgrid=False,
        ),
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "traceorder": "normal",
            "font": {"size": 12},
        },
    }
    return figure(data, layout, narrow={"height": 130 + row * len(names)})
