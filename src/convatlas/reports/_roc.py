"""Curves of each class against the rest, and the areas under them."""

from typing import TYPE_CHECKING, Any

from convatlas.reports import _units as units
from convatlas.reports._chart import SERIES, Figure, axis, chart, figure, label
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation.metrics import ClassCurves

_DASHES = ("solid", "dot", "dash")


def section(curves: "tuple[ClassCurves, ...]", figures: dict[str, Figure]) -> Html | None:
    """Both charts and the table; nothing where there are too many classes for curves."""
    if not curves:
        return None
    figures["roc"] = _figure(
        curves, [c.roc for c in curves], ("false positive rate", "true positive rate")
    )
    figures["precision"] = _figure(
        curves, [c.precision_recall for c in curves], ("recall", "precision")
    )
    charts = [
        chart(
            "roc",
            f"Line chart: receiver operating characteristic of {len(curves)} classes.",
            "Share of a class's images found against the share of the others taken for it, as the "
            "probability that it takes falls from 1 to 0.",
        ),
        chart(
            "precision",
            f"Line chart: precision against recall of {len(curves)} classes.",
            "Of the images taken for a class, the share that are of it, against the share found.",
        ),
    ]
    return join([element("div", *charts, class_="two"), _areas(curves)])


def _areas(curves: "tuple[ClassCurves, ...]") -> Html:
    rows = [
        [
            Cell(name(c.name, 60), c.name),
            Cell(units.count(c.n), c.n),
            Cell(f"{c.area:.4f}", c.area),
            Cell(f"{c.average_precision:.4f}", c.average_precision),
        ]
        for c in sorted(curves, key=lambda c: c.area)
    ]
    columns = (
        Column("Class"),
        Column("Images", figures=True),
        Column("Area under ROC", figures=True),
        Column("Average precision", figures=True),
    )
    return table("Each class, the hardest first", columns, rows, tall=len(rows) > 12)


def _figure(
    curves: "tuple[ClassCurves, ...]",
    points: list[tuple[tuple[float, float], ...]],
    axes: tuple[str, str],
) -> Figure:
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label(curve.name, 18),
            "x": [x for x, _ in places],
            "y": [y for _, y in places],
            "line": {
                "color": SERIES[i % len(SERIES)],
                "width": 1.75,
                "dash": _DASHES[i // len(SERIES) % len(_DASHES)],
            },
            "hovertemplate": f"{axes[0]} %{{x:.3f}}<br>{axes[1]} %{{y:.3f}}",
        }
        for i, (curve, places) in enumerate(zip(curves, points, strict=True))
    ]
    layout = {
        "height": 460,
        "xaxis": axis(axes[0], range=[-0.01, 1.01]),
        "yaxis": axis(axes[1], range=[-0.01, 1.02]),
    }
    return figure(data, layout, narrow={"height": 430})
