"""How the error grows as the pictures get worse."""

from typing import TYPE_CHECKING

from convatlas.reports import _units as units
from convatlas.reports._chart import SERIES, Figure, axis, chart, figure, label
from convatlas.reports._html import Html, element, join
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Robustness, RobustnessCurve


def section(found: "Robustness", figures: dict[str, Figure]) -> Html:
    """The curves and their figures."""
    figures["robustness"] = _figure(found)
    images = units.counted(found.n, "image")
    return join(
        [
            chart(
                "robustness",
                f"Line chart: error under {len(found.curves)} corruptions of growing severity.",
                f"Top-1 error on {images}, each corrupted as a square before its centre is cut "
                f"(noise from seed {found.seed}). Severity 0 is the clean image.",
            ),
            _listing(found),
        ]
    )


def _listing(found: "Robustness") -> Html:
    rows = [
        [
            Cell(curve.corruption),
            Cell(curve.unit),
            *(_cell(p.severity, p.top1_error) for p in curve.points),
            Cell(units.percent(curve.mean_error), curve.mean_error),
        ]
        for curve in found.curves
    ]
    steps = len(found.curves[0].points)
    columns = (
        Column("Corruption"),
        Column("Measured in"),
        *(Column(str(i), figures=True) for i in range(1, steps + 1)),
        Column("Mean", figures=True),
    )
    caption = (
        f"Error at each severity, and the severity; clean: {units.percent(found.clean.top1_error)}"
    )
    return table(caption, columns, rows)


def _cell(severity: float, error: float) -> Cell:
    at = element("span", f" at {severity:g}", class_="quiet")
    return Cell(join([units.percent(error), at]), error)


def _figure(found: "Robustness") -> Figure:
    data = [_line(curve, found, i) for i, curve in enumerate(found.curves)]
    steps = max(len(curve.points) for curve in found.curves)
    layout = {
        "height": 400,
        "xaxis": axis("severity", tickvals=list(range(steps + 1)), showgrid=False),
        "yaxis": axis("top-1 error", range=[0, 100], ticksuffix=" %"),
    }
    return figure(data, layout, narrow={"height": 420})


def _line(curve: "RobustnessCurve", found: "Robustness", index: int) -> dict[str, object]:
    points = (found.clean, *curve.points)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(curve.corruption),
        "x": list(range(len(points))),
        "y": [p.top1_error for p in points],
        "customdata": [p.severity for p in points],
        "hovertemplate": f"{label(curve.unit)} %{{customdata}}<br>%{{y:.1f}} % error",
        "line": {"color": SERIES[index % len(SERIES)], "width": 2},
        "marker": {"size": 6},
    }
