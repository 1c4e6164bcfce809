"""The page: its sections in the order a person wants them, its style and its script."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from convatlas.reports import _about, _candidates, _headline, _quality, _search
from convatlas.reports._chart import Figure, embedded
from convatlas.reports._html import Html, element, join, name, shortened

# The browser itself then refuses anything from the network.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src "
    "data: blob:; form-action 'none'; base-uri 'none'"
)


def page(result: Mapping[str, Any], pictures: Mapping[int, bytes], plotly: str) -> str:
    """The whole document.

    Args:
        plotly: source of plotly's script.
    """
    figures: dict[str, Figure] = {}
    sections = _sections(result, pictures, figures)
    body = element(
        "body",
        element("header", _top(result), _contents(sections)),
        element("main", *(_section(key, title, content) for key, title, content in sections)),
        element("noscript", element("p", "The charts and sorting need JavaScript.")),
        embedded(figures),
        *([_script(plotly)] if figures else []),
        _script(_part("script.js")),
    )
    return f"<!doctype html>\n{element('html', _head(result), body, lang='en')}\n"


def _sections(
    result: Mapping[str, Any], pictures: Mapping[int, bytes], figures: dict[str, Figure]
) -> list[tuple[str, str, Html]]:
    """(key, title, content) of the sections that have content."""
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


def _contents(sections: list[tuple[str, str, Html]]) -> Html:
    links = (element("a", title, href=f"#{key}") for key, title, _ in sections)
    return element("nav", *links, aria_label="Sections")


def _section(key: str, title: str, content: Html) -> Html:
    return element("section", element("h2", title), content, id=key)


def _head(result: Mapping[str, Any]) -> Html:
    winner = _headline.chosen(result)
    outcome = winner["id"] if winner else "no net fits"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", f"{shortened(_title(result), 80)}: {shortened(outcome, 80)}"),
        element("style", Html(_part("style.css"))),
    )


def _part(file: str) -> str:
    return (files("convatlas.reports") / file).read_text(encoding="utf-8")


def _script(source: str) -> Html:
    """`source` inside a script element, which it cannot end."""
    return element(
        "script", Html(source.replace("</script", "<\\/script").replace("<!--", "<\\!--"))
    )
