"""The first thing a person wants to know: what was chosen, and whether it keeps the budgets."""

from collections.abc import Mapping, Sequence
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._candidates import latency_s
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._tables import Cell, Column, bar, pairs, table

_NEAREST = 5
_WORDS = {"latency": "Latency", "size": "File size", "memory": "Memory"}


def chosen(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The candidate that won, or None where nothing did."""
    winner = result.get("winner")
    return next((c for c in result.get("candidates") or () if c["id"] == winner), None)


def sentence(result: Mapping[str, Any]) -> Html:
    """The outcome as the page's heading."""
    winner = chosen(result)
    if winner is None:
        n = len(result.get("candidates") or ())
        looked = f" {units.counted(n, 'candidate')} looked at." if n else ""
        return element("h1", element("strong", "No net fits the budgets."), looked)
    width = f" x{winner['width_multiplier']:g}" if winner.get("width_multiplier") else ""
    side = winner["input_side"]
    return element(
        "h1",
        element("strong", name(winner["variant"]), f"{width} at {side}x{side}"),
        ": ",
        _figures(result, winner),
    )


def budgets(result: Mapping[str, Any]) -> Html:
    """Asked, measured and kept; then the conditions under which it was measured."""
    asked = result.get("budgets") or ()
    if not asked:
        return element("p", "No budget of latency, size or memory was given.", class_="quiet")
    if all(units.number(b.get("measured")) is None for b in asked):
        return pairs([(f"{_word(b['what'])} asked", _limit(b)) for b in asked])
    rows = [_budget_row(b) for b in asked]
    columns = (
        Column("Budget"),
        Column("Asked", figures=True),
        Column("Measured", figures=True),
        Column("Share used"),
        Column("Kept"),
    )
    return join(
        [
            table(
                "What was asked and what was measured on this device", columns, rows, sortable=False
            ),
            _conditions(result),
        ]
    )


def nearest(result: Mapping[str, Any]) -> Html | None:
    """Where nothing fits: the candidates that exceed the budgets least."""
    asked = {b["what"]: b for b in result.get("budgets") or () if units.number(b.get("asked"))}
    ranked = sorted(
        (c for c in result.get("candidates") or () if _shares(c, asked)),
        key=lambda c: (len(asked) - len(_shares(c, asked)), max(_shares(c, asked).values())),
    )
    if not ranked:
        return None
    columns = (Column("Net"), *(Column(_word(w), figures=True) for w in asked))
    rows = [_nearest_row(c, asked) for c in ranked[:_NEAREST]]
    caption = (
        "The candidates that exceed the budgets least, and how many times the budget they take. "
        "Latency is the upper quartile of the runs"
    )
    return join(
        [
            element("h2", "What comes nearest"),
            element("p", "Allow at least what one of these takes, and run again."),
            table(caption, columns, rows, sortable=False),
        ]
    )


def _figures(result: Mapping[str, Any], winner: Mapping[str, Any]) -> Html:
    scored, said = result.get("test"), []
    if scored:
        accuracy = element("b", units.percent(100 - scored["top1_error"]))
        images = f" on {units.counted(scored['n'], 'test image')} never used in choosing"
        said.append(join([accuracy, images]))
    latency = (result.get("timing") or {}).get("median_s") or latency_s(winner)
    size = (result.get("files") or {}).get("onnx_bytes") or winner.get("size_bytes")
    measured = ((latency, units.seconds), (size, units.size))
    said += [element("b", written(v)) for v, written in measured if units.number(v) is not None]
    parts: list[str] = []
    for one in said:
        parts += [", ", one] if parts else [one]
    return join([*parts, "."])


def _budget_row(budget: Mapping[str, Any]) -> list[Cell]:
    unit, asked = budget.get("unit", ""), units.number(budget.get("asked"))
    measured = units.number(budget.get("measured"))
    return [
        Cell(_word(budget["what"])),
        Cell(units.limit(asked, unit)),
        Cell(units.quantity(measured, unit)),
        Cell(_share_used(asked, measured)),
        Cell(_verdict(budget, measured)),
    ]


def _word(what: str) -> str:
    return _WORDS.get(what, what)


def _limit(budget: Mapping[str, Any]) -> str:
    return f"at most {units.limit(budget.get('asked'), budget.get('unit', ''))}"


def _share_used(asked: float | None, measured: float | None) -> Html:
    if not asked or measured is None:
        return join([units.MISSING])
    share = measured / asked
    text = element("span", units.percent(100 * share, 0))
    return join([bar(share, over=share > 1), text])


def _verdict(budget: Mapping[str, Any], measured: float | None) -> Html:
    if measured is None:
        return join([units.MISSING])
    kept = bool(budget.get("kept"))
    return element("span", "kept" if kept else "not kept", class_="yes" if kept else "no")


def _conditions(result: Mapping[str, Any]) -> Html:
    stated = [
        join([_word(b["what"]), ": ", b["conditions"]])
        for b in result.get("budgets") or ()
        if b.get("conditions")
    ]
    lines = [*stated, *_spread(result.get("timing"))]
    return element("ul", *(element("li", line) for line in lines), class_="conditions")


def _spread(timing: Mapping[str, Any] | None) -> list[str]:
    if not timing or units.number(timing.get("q1_s")) is None:
        return []
    low, high = units.seconds(timing["q1_s"]), units.seconds(timing.get("q3_s"))
    runs = f" of {units.counted(timing['n'], 'run')}" if timing.get("n") else ""
    return [f"The latency is the median{runs}; half of them took {low} to {high}."]


def _shares(c: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    found = {what: units.number(_measured(c, what)) for what in asked}
    return {w: v / float(asked[w]["asked"]) for w, v in found.items() if v is not None}


def _measured(c: Mapping[str, Any], what: str) -> Any:
    if what == "latency":
        return (c.get("latency") or {}).get("q3_s") or latency_s(c)
    return c.get({"size": "size_bytes", "memory": "predicted_memory_bytes"}.get(what, ""))


def _nearest_row(c: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]) -> Sequence[Cell]:
    shares = _shares(c, asked)
    cells = [Cell(name(c["id"]))]
    for what, budget in asked.items():
        if what not in shares:
            cells.append(Cell("not measured"))
            continue
        over = shares[what] > 1
        times = element(
            "span",
            f"{units.digits(shares[what])}x",
            class_="no" if over else "quiet",
        )
        value = units.quantity(_measured(c, what), budget.get("unit", ""))
        cells.append(Cell(join([value, " ", times])))
    return cells
