"""How the search went: accuracy per round, and the curves of the final training."""

from collections.abc import Mapping, Sequence
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, chart, figure, label, lines
from convatlas.reports._curves import accuracy, loss
from convatlas.reports._html import Html, element, join

_LINES = {  # state: colour, width, opacity; drawn in this order, the chosen one on top
    "dropped": ("var(--faint)", 1.0, 0.8),
    "finalist": ("var(--series-0)", 2.0, 1.0),
    "chosen": ("var(--series-1)", 3.0, 1.0),
}


def rounds(result: Mapping[str, Any], figures: dict[str, Figure]) -> Html | None:
    """Accuracy of each candidate from round to round."""
    tried = [c for c in result.get("candidates") or () if c.get("scores")]
    if not tried:
        return None
    numbers = sorted({s["round"] for c in tried for s in c["scores"]})
    data: list[dict[str, Any]] = []
    for state, look in _LINES.items():
        members = [c for c in tried if _shown_as(c) == state]
        data += [_line(c, state, look, first=i == 0) for i, c in enumerate(members)]
    ticks = [_tick(n, tried) for n in numbers]
    ends = [numbers[0] - 0.15, numbers[-1] + 0.15]
    layout = {
        "height": 380,
        "xaxis": axis("", tickvals=numbers, ticktext=ticks, range=ends, showgrid=False),
        "yaxis": axis("validation accuracy", ticksuffix=" %"),
        "hovermode": "closest",
    }
    figures["rounds"] = figure(data, layout)
    return chart(
        "rounds",
        f"Line chart: validation accuracy of {len(tried)} candidates over {len(numbers)} rounds.",
        "Every line is a candidate. In each round all that are left are trained further and "
        "scored on the validation images; the less promising ones are dropped, and the chosen one "
        "is trained in full.",
    )


def training(result: Mapping[str, Any], figures: dict[str, Figure]) -> Html | None:
    """Loss, learning rate and validation accuracy of the final training."""
    facts = result.get("training") or {}
    history, validation = facts.get("history") or (), facts.get("validation") or ()
    parts = []
    if history:
        parts.append(loss(history, figures))
    if validation:
        caption = "Accuracy on the validation images while the chosen net was trained in full."
        parts.append(accuracy(validation, caption, figures))
    if not parts:
        return None
    return join([_sentence(facts), element("div", *parts, class_="two")])


def _shown_as(candidate: Mapping[str, Any]) -> str:
    return candidate["state"] if candidate["state"] in _LINES else "dropped"


def _line(
    c: Mapping[str, Any], state: str, look: tuple[str, float, float], *, first: bool
) -> dict[str, Any]:
    scores = sorted(c["scores"], key=lambda s: s["round"])
    colour, width, opacity = look
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": state,
        "legendgroup": state,
        "showlegend": first,
        "opacity": opacity,
        "x": [s["round"] for s in scores],
        "y": [s["accuracy"] for s in scores],
        "text": [_hover(c, s) for s in scores],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour, "width": width},
        "marker": {"size": 4 + 1.5 * width},
    }


def _hover(c: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    return lines(
        f"<b>{label(c['id'], 60)}</b>",
        f"{units.percent(score.get('accuracy'))} after {units.count(score.get('images'))} images, "
        f"{units.seconds(score.get('seconds'))}",
    )


def _tick(number: int, tried: Sequence[Mapping[str, Any]]) -> str:
    if any(s["round"] == number and s.get("final") for c in tried for s in c["scores"]):
        return lines("in full", "the chosen net")
    taking = sum(any(s["round"] == number for s in c["scores"]) for c in tried)
    return lines(f"round {number + 1}", units.counted(taking, "net"))


def _sentence(facts: Mapping[str, Any]) -> Html:
    steps, taken = facts.get("steps"), facts.get("seconds")
    text = "The chosen net was then trained in full"
    if steps is not None:
        text += f": {units.counted(steps, 'step')}"
    if taken is not None:
        text += f" in {units.seconds(taken)}"
    return element("p", f"{text}.")
