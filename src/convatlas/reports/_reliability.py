"""Reliability diagrams: how often the net is right where it is so sure."""

from typing import TYPE_CHECKING, Any

from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, chart, figure
from convatlas.reports._html import Html, element, join
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Calibration, Evaluation
    from convatlas.evaluation.metrics import Reliability

_CAPTION = (
    "Bars: share of the images in a bin of confidence that were right; a pale bar holds fewer than "
    "1 % of the images. On the dashed line the net is as sure as it should be; below, too sure."
)


def section(
    found: "Evaluation", calibration: "Calibration | None", figures: dict[str, Figure]
) -> Html | None:
    """The diagram, and with a temperature the one after it beside it."""
    if found.reliability is None:
        return None
    if calibration is None:
        figures["reliability"] = _diagram(found.reliability)
        parts = [_sentence(found.reliability), _place("reliability", "as it is", _CAPTION)]
        return join(parts)
    figures["reliability"] = _diagram(calibration.before)
    figures["calibrated"] = _diagram(calibration.after)
    both = [
        _place("reliability", "as it is", f"As it is. {_CAPTION}"),
        _place("calibrated", "after", f"At {calibration.temperature}."),
    ]
    return join(
        [
            _sentence(calibration.before),
            _changes(calibration),
            element("div", *both, class_="two"),
        ]
    )


def _sentence(found: "Reliability") -> Html:
    sure, right = 100 * found.confidence, 100 * found.accuracy
    more = "surer" if sure > right else "less sure"
    return element(
        "p",
        f"On average the net is {units.percent(sure)} sure and {units.percent(right)} right: "
        f"{more} than it should be by {units.digits(abs(sure - right), 2)} points.",
    )


def _changes(calibration: "Calibration") -> Html:
    before, after = calibration.before, calibration.after
    rows = [
        [
            Cell("Expected calibration error"),
            Cell(units.percent(100 * before.expected_error, 2)),
            Cell(units.percent(100 * after.expected_error, 2)),
        ],
        [
            Cell("Largest error of a bin"),
            Cell(units.percent(100 * before.maximum_error, 2)),
            Cell(units.percent(100 * after.maximum_error, 2)),
        ],
        [
            Cell("Loss"),
            Cell(f"{calibration.loss_before:.4f}"),
            Cell(f"{calibration.loss_after:.4f}"),
        ],
    ]
    where = f" of {calibration.applied_to}" if calibration.applied_to else ""
    caption = (
        f"{str(calibration.temperature).capitalize()}, applied to "
        f"{units.counted(calibration.n, 'image')}{where}; it changes no answer"
    )
    columns = (Column(""), Column("As it is", figures=True), Column("Scaled", figures=True))
    return table(caption, columns, rows, sortable=False)


def _place(key: str, which: str, caption: str) -> Html:
    return chart(key, f"Bar chart: reliability diagram of the net {which}.", caption)


def _diagram(found: "Reliability") -> Figure:
    filled = [b for b in found.bins if b.n]
    total = sum(b.n for b in filled)
    bars: dict[str, Any] = {
        "type": "bar",
        "name": "right",
        "x": [50 * (b.low + b.high) for b in filled],
        "width": [100 * (b.high - b.low) for b in filled],
        "y": [100 * (b.accuracy or 0.0) for b in filled],
        "customdata": [[b.n, 100 * (b.confidence or 0.0)] for b in filled],
        "hovertemplate": "%{customdata[0]:,} images<br>%{customdata[1]:.1f} % sure<br>"
        "%{y:.1f} % right<extra></extra>",
        "marker": {
            "color": "var(--series-0)",
            "opacity": [0.9 if b.n >= 0.01 * total else 0.35 for b in filled],
            "line": {"width": 1, "color": "var(--page)"},
        },
    }
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": [0, 100],
        "line": {"color": "var(--muted)", "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
    layout = {
        "height": 380,
        "showlegend": False,
        "xaxis": axis("confidence", range=[0, 100], ticksuffix=" %", showgrid=False),
        "yaxis": axis("right", range=[0, 100], ticksuffix=" %"),
    }
    return figure([bars, diagonal], layout, narrow={"height": 300})
