"""The page: its sections in the order a person wants them, its style and its script."""

from collections.abc import Mapping
from typing import Any

from convatlas.reports import _about, _candidates, _headline, _quality, _search
from convatlas.reports._chart import Figure
from convatlas.reports._html import Html, element, join, name, shortened
from convatlas.reports._shell import Section, document


def page(result: Mapping[str, Any], pictures: Mapping[int, bytes], plotly: str) -> str:
    """The whole document.

    Args:
        plotly: source of plotly's script.
    """
    figures: dict[str, Figure] = {}
    winner = _headline.chosen(result)
    outcome = winner["id"] if winner else "no net fits"
    return document(
        f"{shortened(_title(result), 80)}: {shortened(outcome, 80)}",
        _top(result),
        _sections(result, pictures, figures),
        figures=figures,
        plotly=plotly,
    )


def _sections(
    result: Mapping[str, Any], pictures: Mapping[int, bytes], figures: dict[str, Figure]
) -> list[Section]:
    """The sections that have content."""
    search = [_search.rounds(result, figures), _search.training(result, figures)]
    candidates = _candidates.section(result, figures)
    title = "Accuracy against latency" if "candidates" in figures else "All candidates"
    every = [
        ("candidates", title, candidates),
        ("search", "How the search went", join(p for p in search if p)),
        ("test", "Test result", _quality.test(result, figures)),
        ("mistakes", "Most confident mistakes", _quality.mistakes(result, pictures)),
        ("data", "Data", _about.data(result)),
        ("use", "How to use it", _about.use(result)),
        ("made", "How it was made", _about.made(result)),
    ]
    return [(key, title, content) for key, title, content in every if content]


def _top(result: Mapping[str, Any]) -> Html:
    title = _title(result)
    parts: list[str] = [element("p", name(title), class_="over-title"), _headline.sentence(result)]
    if result.get("unmet"):
        broken = _headline.chosen(result) is not None
        parts.append(element("p", result["unmet"], class_="no" if broken else None))
    parts.append(_headline.budgets(result))
    if _headline.chosen(result) is None:
        parts.append(_headline.nearest(result) or "")
    return join(parts)


def _title(result: Mapping[str, Any]) -> str:
    return str(result.get("title") or (result.get("data") or {}).get("name") or "images")
