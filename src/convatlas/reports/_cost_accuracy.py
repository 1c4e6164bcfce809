"""Published accuracy against what a net costs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from convatlas.facts.accuracies import Published
from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, chart, figure, label, lines, logarithmic
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._net_cost import NetCost, error, mark_legend, marker
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:
    from convatlas.analysis import CostReport

_LARGEST = 34.0  # diameter of the net with the most parameters; areas are as the parameters
_SMALLEST = 10.0
_NARROW = 3.0  # nets that differ by less stand on a linear axis
_NAMED = 6  # that many nets stand with their names
_POINTS = 4.0  # of accuracy that the axis shows at least
_OTHERS = 4  # figures by other protocols that are shown of a net


class Axis(NamedTuple):
    """What a net costs, as the horizontal axis of a chart."""

    key: str
    title: str
    unit: str
    value: "Callable[[CostReport], int]"


AXES = (
    Axis("mult-adds", "mult-adds", "", lambda r: r.mult_adds),
    Axis("params", "parameters", "", lambda r: r.params),
    Axis("memory", "peak inference memory", "B", lambda r: r.peak_memory_bytes),
    Axis("access", "memory access", "B", lambda r: r.memory_access_bytes),
)


def section(nets: Sequence[NetCost], figures: dict[str, Figure]) -> Html:
    """A chart per axis of the nets with a published figure, and a table of the other nets."""
    drawn = [(i, net) for i, net in enumerate(nets) if net.accuracy is not None]
    parts: list[str] = []
    if drawn:
        charts = []
        for each in AXES:
            figures[f"accuracy-{each.key}"] = _scatter(drawn, each)
            charts.append(_placed(each, len(drawn)))
        parts += [_how_to_read(), mark_legend(drawn), element("div", *charts, class_="two")]
    absent = [net for net in nets if net.accuracy is None]
    if absent:
        parts.append(_listing(absent))
    return join(parts)


def _how_to_read() -> Html:
    return element(
        "p",
        "Top-1 accuracy on ImageNet's validation images by one crop, as printed by the source that "
        "a mark names; training and crops differ between papers. Up and to the left is better. "
        "Marks grow with the square root of the parameters; the smallest are drawn larger, to be "
        "seen.",
    )


def _placed(each: Axis, n: int) -> Html:
    return chart(
        f"accuracy-{each.key}",
        f"Scatter chart: published accuracy against {each.title} of {n} nets. "
        "The first table holds the same figures.",
        f"Accuracy against {each.title}.",
    )


def _scatter(drawn: list[tuple[int, NetCost]], each: Axis) -> Figure:
    values = [each.value(net.report) for _, net in drawn]
    factor, prefix = _scale(max(values))
    largest = max(net.report.params for _, net in drawn) or 1
    data = [
        _mark(index, net, each.value(net.report) / factor, largest, named=len(drawn) <= _NAMED)
        for index, net in sorted(drawn, key=lambda d: -d[1].report.params)
    ]
    accuracies = [net.accuracy or 0.0 for _, net in drawn]
    middle, span = (max(accuracies) + min(accuracies)) / 2, max(accuracies) - min(accuracies)
    reach = max(0.65 * span, _POINTS / 2)
    layout = {
        "height": 340,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": _axis(each, [v / factor for v in values], f"{prefix}{each.unit}"),
        "yaxis": axis(
            "top-1 accuracy", ticksuffix=" %", range=[middle - reach, middle + reach], nticks=6
        ),
    }
    return figure(data, layout, narrow={"height": 320})


def _scale(largest: float) -> tuple[float, str]:
    return next(((f, p) for f, p in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if largest >= f), (1, ""))


def _axis(each: Axis, values: Sequence[float], unit: str) -> dict[str, Any]:
    low, high = min(values), max(values)
    if low <= 0 or high / low < _NARROW:
        margin = 0.3 * (high - low or high or 1)
        ends = [low - margin, high + margin]
        return axis(each.title, ticksuffix=f" {unit}", range=ends, nticks=6)
    room = (high / low) ** 0.08  # for the largest mark
    return logarithmic(each.title, low / room, high * room, unit)


def _mark(index: int, net: NetCost, x: float, largest: int, *, named: bool) -> dict[str, Any]:
    size = max(_SMALLEST, _LARGEST * (net.report.params / largest) ** 0.5)
    return {
        "type": "scatter",
        "mode": "markers+text" if named else "markers",
        "name": label(net.name),
        "x": [x],
        "y": [net.accuracy],
        "text": [label(net.name, 24)],
        "textposition": "top center",
        "textfont": {"size": 11},
        "customdata": [_hover(net)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {
            **marker(index),
            "size": [size],
            "opacity": 0.85,
            "line": {"width": 1, "color": "var(--page)"},
        },
    }


def _hover(net: NetCost) -> str:
    report, found = net.report, net.headline
    return lines(
        f"<b>{label(net.name, 60)}</b>",
        *((label(error(found), 80), label(found.source, 80)) if found else ()),
        f"{units.scaled(report.params)} parameters",
        f"{units.scaled(report.mult_adds)} mult-adds",
        f"{units.size(report.peak_memory_bytes)} at the peak, "
        f"{units.size(report.memory_access_bytes)} read and written",
    )


def _listing(absent: Sequence[NetCost]) -> Html:
    rows = [[Cell(name(net.name, 60)), Cell(_others(net.published))] for net in absent]
    caption = (
        "Without a published figure of ImageNet by one crop of the net's own side, and so not in "
        "the charts"
    )
    columns = (Column("Net"), Column("What was published"))
    return table(caption, columns, rows, sortable=False)


def _others(rows: Sequence[Published]) -> Html:
    if not rows:
        return element("span", "nothing that is known here", class_="quiet")
    shown = [element("li", f"{row.data}: {error(row)} ({row.source})") for row in rows[:_OTHERS]]
    if len(rows) > _OTHERS:
        shown.append(element("li", f"and {len(rows) - _OTHERS} more"))
    return element("ul", *shown)
