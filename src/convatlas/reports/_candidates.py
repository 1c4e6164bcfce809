"""All nets that were looked at: accuracy against latency, and a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._chart import SERIES, Figure, axis, chart, figure, label, lines, logarithmic
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._tables import Cell, Column, filters, table

Candidate = Mapping[str, Any]

_ORDER = ("chosen", "finalist", "dropped", "not tried", "too slow", "too large", "too much memory")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "pentagon")
_LARGEST = 26.0  # diameter of the largest file's marker; areas are as the sizes
_SMALLEST = 7.0

_COLUMNS = (
    Column("Net"),
    Column("State"),
    Column("Accuracy", figures=True),
    Column("Rounds", figures=True),
    Column("Latency", figures=True),
    Column("Size", figures=True),
    Column("Memory", figures=True),
    Column("Params", figures=True),
    Column("Mult-adds", figures=True),
    Column("Reason"),
)
_START = Column("Starts from")


def last_accuracy(candidate: Candidate) -> float | None:
    """Validation accuracy in percent after its last training."""
    scores = candidate.get("scores") or ()
    return units.number(max(scores, key=lambda s: s["round"]).get("accuracy")) if scores else None


def latency_s(candidate: Candidate) -> float | None:
    """Median seconds for one image, or None where it was not timed."""
    return units.number((candidate.get("latency") or {}).get("median_s"))


def section(result: Mapping[str, Any], figures: dict[str, Figure]) -> Html:
    """Chart and table; the chart only where a candidate was both timed and trained."""
    candidates = _in_order(result.get("candidates") or ())
    drawn = [c for c in candidates if last_accuracy(c) is not None and latency_s(c)]
    parts: list[str] = []
    if drawn:
        figures["candidates"] = _scatter(drawn, result)
        parts.append(_placed(len(drawn)))
    if candidates:
        parts.append(_listing(candidates, result.get("winner")))
    return join(parts)


def _in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    def key(c: Candidate) -> tuple[int, float, str]:
        state = _ORDER.index(c["state"]) if c["state"] in _ORDER else len(_ORDER)
        accuracy = last_accuracy(c)
        return state, -(accuracy if accuracy is not None else -1.0), c["id"]

    return sorted(candidates, key=key)


def _placed(n: int) -> Html:
    return chart(
        "candidates",
        f"Scatter chart: validation accuracy against latency of {n} candidates. "
        "The table below holds the same figures.",
        "Each mark is a candidate that was timed on this device and trained: "
        "to the left is faster, higher is more accurate, a larger mark is a larger file. "
        "Accuracy is on the validation images after the last round it took part in, "
        "so pale marks, dropped early, had less training, and the chosen net was trained in full. "
        "The stepped line joins those that no other beats in both.",
    )


def _scatter(drawn: list[Candidate], result: Mapping[str, Any]) -> Figure:
    largest = max(c.get("size_bytes") or 1 for c in drawn)
    asked = _latency_budget(result)
    times = [1e3 * (latency_s(c) or 0) for c in drawn] + ([asked] if asked else [])
    front = sorted((c for c in drawn if c["id"] in set(result.get("front") or ())), key=_place)
    families = list(dict.fromkeys(sorted(c["family"] for c in drawn)))
    data = [_front(front)] if front else []
    for i, family in enumerate(families):
        members = [c for c in drawn if c["family"] == family]
        data += _family(family, members, i, largest)
    data += [_ring(c, largest) for c in drawn if c["id"] == result.get("winner")]
    layout = {
        "height": 520,
        "xaxis": logarithmic("latency of one image", min(times), max(times), "ms"),
        "yaxis": axis("validation accuracy", ticksuffix=" %"),
        "shapes": [_budget_line(asked)] if asked else [],
    }
    return figure(data, layout, narrow={"height": 560})


def _place(c: Candidate) -> tuple[float, float]:
    return latency_s(c) or 0.0, last_accuracy(c) or 0.0


def _latency_budget(result: Mapping[str, Any]) -> float | None:
    for budget in result.get("budgets") or ():
        if budget["what"] == "latency" and units.number(budget.get("asked")):
            return 1e3 * float(budget["asked"])
    return None


def _diameter(c: Candidate, largest: float) -> float:
    return max(_SMALLEST, _LARGEST * float((c.get("size_bytes") or 0) / largest) ** 0.5)


def _family(
    family: str, members: list[Candidate], index: int, largest: float
) -> list[dict[str, Any]]:
    """The marks, and one without a place for the legend, where pale and small ones misguide."""
    look: dict[str, Any] = {
        "color": SERIES[index % len(SERIES)],
        "symbol": _SYMBOLS[index % len(_SYMBOLS)],
    }
    shared: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": label(family),
        "legendgroup": family,
    }
    legend = {**shared, "x": [None], "y": [None], "marker": {**look, "size": 10}}
    marks = {
        **shared,
        "showlegend": False,
        "x": [1e3 * (latency_s(c) or 0) for c in members],
        "y": [last_accuracy(c) for c in members],
        "text": [_hover(c) for c in members],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            **look,
            "size": [_diameter(c, largest) for c in members],
            "opacity": [0.5 if c["state"] == "dropped" else 0.9 for c in members],
            "line": {"width": 1, "color": "var(--page)"},
        },
    }
    return [marks, legend]


def _hover(c: Candidate) -> str:
    rounds = sum(not s.get("final") for s in c.get("scores") or ())
    return lines(
        f"<b>{label(c['id'], 60)}</b>",
        f"{units.percent(last_accuracy(c))} after {units.counted(rounds, 'round')}",
        f"{units.seconds(latency_s(c))}, {units.size(c.get('size_bytes'))}",
        f"{units.scaled(c.get('params'))} parameters",
        f"{units.scaled(c.get('mult_adds'))} mult-adds",
        label(c["state"]),
    )


def _front(front: list[Candidate]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [1e3 * (latency_s(c) or 0) for c in front],
        "y": [last_accuracy(c) for c in front],
        "line": {"shape": "hv", "width": 1.5, "color": "var(--muted)"},
        "hoverinfo": "skip",
    }


def _ring(c: Candidate, largest: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "chosen",
        "x": [1e3 * (latency_s(c) or 0)],
        "y": [last_accuracy(c)],
        "text": ["<b>chosen</b>"],
        "textposition": "top center",
        "textfont": {"color": "var(--ink)"},
        "marker": {
            "symbol": "circle-open",
            "size": _diameter(c, largest) + 10,
            "color": "var(--ink)",
            "line": {"width": 2},
        },
        "hoverinfo": "skip",
    }


def _budget_line(asked_ms: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": asked_ms,
        "x1": asked_ms,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": "var(--warn)", "width": 1.5, "dash": "dash"},
        "label": {
            "text": f"asked: {units.limit(asked_ms / 1e3, 's')}",
            "textposition": "start",
            "textangle": 0,
            "xanchor": "right",
            "yanchor": "bottom",
            "padding": 6,
            "font": {"color": "var(--warn)"},
        },
    }


def _listing(candidates: list[Candidate], winner: object) -> Html:
    states = [c["state"] for c in candidates]
    marked = next((i for i, c in enumerate(candidates) if c["id"] == winner), None)
    started = any(c.get("start") for c in candidates)
    rows = [[*_row(c), *([_start(c)] if started else ())] for c in candidates]
    columns = (*_COLUMNS, _START) if started else _COLUMNS
    caption = f"All {units.counted(len(rows), 'candidate')} and what became of them; a header sorts"
    return join(
        [
            filters(states),
            table(caption, columns, rows, states=states, marked=marked, tall=True),
        ]
    )


def _start(c: Candidate) -> Cell:
    bundle = (c.get("start") or {}).get("bundle")
    return Cell(name(bundle) if bundle else units.MISSING, bundle)


def _row(c: Candidate) -> list[Cell]:
    accuracy, latency = last_accuracy(c), latency_s(c)
    rounds = sum(not s.get("final") for s in c.get("scores") or ())
    state = element("span", c["state"], class_=f"state {'-'.join(c['state'].split())}")
    return [
        Cell(name(c["id"]), c["id"]),
        Cell(state, _ORDER.index(c["state"]) if c["state"] in _ORDER else len(_ORDER)),
        Cell(units.percent(accuracy), accuracy),
        Cell(units.count(rounds) if rounds else units.MISSING, rounds or None),
        Cell(units.seconds(latency), latency),
        Cell(units.size(c.get("size_bytes")), c.get("size_bytes")),
        Cell(units.size(c.get("predicted_memory_bytes")), c.get("predicted_memory_bytes")),
        Cell(units.scaled(c.get("params")), c.get("params")),
        Cell(units.scaled(c.get("mult_adds")), c.get("mult_adds")),
        Cell(element("span", c.get("reason") or "", class_="reason"), c.get("reason") or None),
    ]
