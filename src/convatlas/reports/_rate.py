"""The page of a learning rate range test: the loss over the rate, and the rate that follows."""

from pathlib import Path
from typing import TYPE_CHECKING

from convatlas.files import write_atomic
from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, chart, figure
from convatlas.reports._curves import curve
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._shell import document, plotly_source
from convatlas.reports._tables import pairs

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.training import RateTest


def write_rate_test(test: "RateTest", path: Path) -> Path:
    """Write `test` as one HTML page that needs neither network nor other files.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    figures: dict[str, Figure] = {"rates": _figure(test)}
    sections = [
        ("rates", "Loss over the learning rate", _plot()),
        ("test", "The test", _facts(test)),
    ]
    plotly = plotly_source(path)
    text = document(
        f"Learning rate of {test.net}", _top(test), sections, figures=figures, plotly=plotly
    )
    write_atomic(path, text.encode("utf-8"))
    return path


def _top(test: "RateTest") -> Html:
    over = element("p", name(test.net), ", recipe ", name(test.recipe), class_="over-title")
    if test.suggested is None:
        return join([over, element("h1", "No learning rate lowers the loss")])
    rate = element("strong", f"{test.suggested:.2g}")
    heading = element("h1", rate, f" is suggested; the recipe has {test.recipe_rate:.4g}")
    return join([over, heading])


def _plot() -> Html:
    return chart(
        "rates",
        "Line chart: loss of each step and smoothed loss over the learning rate, logarithmic.",
        "The loss before each step, at rates that rise in equal ratios. Dotted lines: the "
        "suggested rate, where the smoothed loss falls most steeply, and the recipe's own.",
    )


def _figure(test: "RateTest") -> Figure:
    rates = list(test.rates)
    raw = curve("loss", rates, list(test.losses), "var(--faint)", "%{y:.3f} at %{x:.3g}")
    raw["line"] = {"color": "var(--faint)", "width": 1}
    smooth = curve(
        "smoothed", rates, list(test.smoothed), "var(--series-0)", "%{y:.3f} at %{x:.3g}"
    )
    low, high = min(test.smoothed), max(test.smoothed)
    marks = [("suggested", test.suggested, "var(--series-1)")]
    marks.append(("the recipe's", test.recipe_rate, "var(--series-2)"))
    data = [raw, smooth]
    for title, rate, colour in marks:
        if rate is not None and rate > 0:
            line = curve(title, [rate, rate], [low, high], colour, f"{title}: %{{x:.3g}}")
            line["line"] = {"color": colour, "width": 2, "dash": "dot"}
            data.append(line)
    margin = 0.1 * (high - low)
    layout = {
        "height": 460,
        "xaxis": axis("learning rate", type="log", exponentformat="power", dtick=1),
        "yaxis": axis("loss", range=[low - margin, high + margin]),
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }
    return figure(data, layout)


def _facts(test: "RateTest") -> Html:
    from convatlas.training import RATE_RULE

    suggested = units.MISSING if test.suggested is None else f"{test.suggested:.3g}"
    rows = [
        ("Suggested", f"{suggested}: {RATE_RULE}"),
        ("Lowest smoothed loss at", f"{test.lowest:.3g}; above it training gets worse"),
        ("Ended at", f"{test.rates[-1]:.3g}: {test.ended}"),
        ("Optimizer", f"{test.optimizer}, batch {test.batch_size}"),
        ("Steps", units.count(len(test.rates))),
    ]
    return pairs(rows)
