"""Curves of a training over its steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, chart, figure
from convatlas.reports._html import Html

_POINTS = 500  # more are not seen on a screen


def loss(history: Sequence[Mapping[str, Any]], figures: dict[str, Figure]) -> Html:
    """Training loss and learning rate."""
    per_point = -(-len(history) // _POINTS)
    figures["loss"] = _loss(history, per_point)
    return chart("loss", "Line chart: training loss and learning rate by step.", _mean(per_point))


def accuracy(
    validation: Sequence[Mapping[str, Any]], caption: str, figures: dict[str, Figure]
) -> Html:
    """Validation accuracy."""
    figures["validation"] = _validation(validation)
    return chart(
        "validation",
        "Line chart: validation accuracy of the final net by training step.",
        caption,
    )


def _mean(per_point: int) -> str:
    text = "Training loss (left scale) and learning rate (right scale) by step."
    return (
        text
        if per_point == 1
        else f"{text} Each point of the loss is the mean of {per_point} entries."
    )


def _loss(history: Sequence[Mapping[str, Any]], per_point: int) -> Figure:
    groups = [history[i : i + per_point] for i in range(0, len(history), per_point)]
    steps = [group[-1]["step"] for group in groups]
    losses = [_average([h.get("loss") for h in group]) for group in groups]
    rates = [units.number(group[-1].get("learning_rate")) for group in groups]
    data = [
        curve("loss", steps, losses, "var(--series-0)", "loss %{y:.3f} at step %{x:,}"),
        curve("learning rate", steps, rates, "var(--series-1)", "%{y:.3g} at step %{x:,}"),
    ]
    return _two_scales(data, "loss", "learning rate")


def speed(pace: Sequence[Mapping[str, Any]], figures: dict[str, Figure]) -> Html:
    """Images a second and the share of the time that was spent waiting for them."""
    steps = [line["step"] for line in pace]
    speeds = [units.number(line.get("images_per_s")) for line in pace]
    shares = [units.number(line.get("wait_share")) for line in pace]
    waits = [None if share is None else 100 * share for share in shares]
    data = [
        curve("images/s", steps, speeds, "var(--series-0)", "%{y:,.0f} images/s at step %{x:,}"),
        curve("waiting", steps, waits, "var(--series-1)", "waits %{y:.1f} % at step %{x:,}"),
    ]
    found = _two_scales(data, "images/s", "waiting for images")
    found["layout"]["yaxis2"] |= {"ticksuffix": " %", "range": [0, 100]}
    figures["speed"] = found
    return chart(
        "speed",
        "Line chart: images a second and share of the time waiting for images, by step.",
        "Images a second (left scale) and the share of the time in which the net waited for them "
        "(right scale). Above about 20 % the loading of images is what limits the run.",
    )


def _two_scales(data: list[dict[str, Any]], left: str, right: str) -> Figure:
    """Two curves over the steps, the second dotted and on the right scale."""
    data[1] |= {"yaxis": "y2", "line": {"color": "var(--series-1)", "width": 1.5, "dash": "dot"}}
    layout = {
        "height": 320,
        "margin": {"l": 60, "r": 60, "t": 30, "b": 48},
        "xaxis": axis("step", showgrid=False, tickformat=",d"),
        "yaxis": axis(left, rangemode="tozero"),
        "yaxis2": axis(
            right,
            overlaying="y",
            side="right",
            rangemode="tozero",
            showgrid=False,
            tickmode="auto",
            nticks=6,
        ),
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }
    return figure(data, layout, narrow={"margin": {"l": 46, "r": 46}})


def _validation(validation: Sequence[Mapping[str, Any]]) -> Figure:
    steps = [v["step"] for v in validation]
    accuracies = [units.number(v.get("accuracy")) for v in validation]
    line = curve("accuracy", steps, accuracies, "var(--series-0)", "%{y:.2f} % at step %{x:,}")
    line["mode"] = "lines+markers"
    layout = {
        "height": 320,
        "xaxis": axis("step", showgrid=False, tickformat=",d"),
        "yaxis": axis("validation accuracy", ticksuffix=" %"),
        "showlegend": False,
    }
    return figure([line], layout)


def curve(
    title: str, x: list[Any], y: list[float | None], colour: str, hover: str
) -> dict[str, Any]:
    """A line; `hover` is what plotly says at a point."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": title,
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _average(values: list[Any]) -> float | None:
    known = [v for v in map(units.number, values) if v is not None]
    return sum(known) / len(known) if known else None
