"""What every page has: head, policy, style, contents, sections, charts and script."""

from importlib.resources import files
from pathlib import Path

from convatlas.errors import UserError
from convatlas.files import check_writable
from convatlas.reports._chart import Figure, embedded
from convatlas.reports._html import Html, element

# The browser itself then refuses anything from the network.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src "
    "data: blob:; form-action 'none'; base-uri 'none'"
)
Section = tuple[str, str, Html]  # key, title, content


def document(
    title: str, top: Html, sections: list[Section], *, figures: dict[str, Figure], plotly: str
) -> str:
    """The whole document.

    Args:
        title: of the window.
        top: what stands above the contents.
        plotly: source of plotly's script.
    """
    body = element(
        "body",
        element("header", top, _contents(sections)),
        element("main", *(_section(key, title, content) for key, title, content in sections)),
        element("noscript", element("p", "The charts and sorting need JavaScript.")),
        embedded(figures),
        *([_script(plotly)] if figures else []),
        _script(_part("script.js")),
    )
    return f"<!doctype html>\n{element('html', _head(title), body, lang='en')}\n"


def check_page(path: Path) -> None:
    """Refuse what could not be written as a page, before the work that fills it.

    Raises:
        UserError: if the name does not end in .html, plotly is not installed or the place cannot
            be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"The page {str(path)!r} must have a name that ends in .html.")
    plotly_source(path)
    check_writable(path)


def plotly_source(page: Path) -> str:
    """Source of plotly's script, from the installed package, for the file `page`.

    Raises:
        UserError: if it is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise UserError(
            f"{str(page)!r} needs plotly, which is not installed. "
            "Install it with: pip install 'convatlas[report]'"
        ) from error
    return str(get_plotlyjs())


def _contents(sections: list[Section]) -> Html:
    links = (element("a", title, href=f"#{key}") for key, title, _ in sections)
    return element("nav", *links, aria_label="Sections")


def _section(key: str, title: str, content: Html) -> Html:
    return element("section", element("h2", title), content, id=key)


def _head(title: str) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(_part("style.css"))),
    )


def _part(file: str) -> str:
    return (files("convatlas.reports") / file).read_text(encoding="utf-8")


def _script(source: str) -> Html:
    """`source` inside a script element, which it cannot end."""
    return element(
        "script", Html(source.replace("</script", "<\\/script").replace("<!--", "<\\!--"))
    )
