"""What all charts share: the look, safe text, and the way to the page.

Colours are names of the style sheet's variables, `var(--ink)`; the page's script puts the values
of the light, dark or printed page in their place.
"""

import json
from math import floor, isfinite, log10
from typing import Any

from convatlas.reports._html import Html, element, shortened

Figure = dict[str, Any]

SERIES = tuple(f"var(--series-{i})" for i in range(8))


def figure(
    data: list[dict[str, Any]], layout: dict[str, Any], *, narrow: dict[str, Any] | None = None
) -> Figure:
    """A figure for plotly; `narrow` is laid over the layout on a phone."""
    phone = {"dragmode": False, "margin": {"l": 46, "r": 12}, **(narrow or {})}
    return {"data": data, "layout": {**_base(), **layout}, "narrow": phone}


def axis(title: str, **changes: Any) -> dict[str, Any]:
    """An axis with a quiet grid."""
    return {
        "title": {"text": title, "standoff": 12, "font": {"size": 13}},
        "tickfont": {"size": 12},
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        **changes,
    }


def logarithmic(title: str, low: float, high: float, unit: str) -> dict[str, Any]:
    """A log axis from below `low` to above `high` with ticks at 1, 2 and 5 times powers of ten."""
    start, end = floor(log10(low)) - 1, floor(log10(high)) + 1
    step = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [m * 10.0**e for e in range(start, end + 1) for m in step]
    span = max(log10(high / low), 0.1)
    ends = [log10(low) - 0.06 * span, log10(high) + 0.06 * span]
    return axis(
        title,
        type="log",
        range=ends,
        tickvals=ticks,
        ticktext=[f"{t:g} {unit}" for t in ticks],
    )


def label(text: object, limit: int = 40) -> str:
    """Text that plotly draws as it stands; its own markup (<b>, <a>) is not heard."""
    plain = shortened(text, limit)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def lines(*parts: str) -> str:
    """Hover text of several lines."""
    return "<br>".join(part for part in parts if part)


def chart(key: str, description: str, *caption: str) -> Html:
    """The place where the script draws figure `key`."""
    place = element(
        "div",
        class_="chart",
        id=f"chart-{key}",
        data_figure=key,
        role="img",
        aria_label=description,
    )
    return element("figure", place, element("figcaption", *caption))


def embedded(figures: dict[str, Figure]) -> Html:
    """The figures as JSON that cannot end the script element it stands in."""
    text = json.dumps(_finite(figures), allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return element("script", Html(text), type="application/json", id="figures")


def _base() -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--muted)"},
        "margin": {"l": 60, "r": 24, "t": 30, "b": 48},
        "height": 420,
        "hoverlabel": {
            "align": "left",
            "bgcolor": "var(--raised)",
            "bordercolor": "var(--line)",
            "font": {"color": "var(--ink)", "size": 13},
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.2,
            "yanchor": "top",
            "itemsizing": "constant",
            "font": {"size": 12},
        },
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": "var(--faint)",
            "activecolor": "var(--accent)",
        },
    }


def _finite(value: Any) -> Any:
    """The value with six digits per number and null for what is no number."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if isfinite(value) else None
    return value
