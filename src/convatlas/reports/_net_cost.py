"""A net of a comparison of costs, and how it looks in every chart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convatlas.facts.accuracies import Published, headline_of
from convatlas.reports._chart import SERIES
from convatlas.reports._html import Html, element, name

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.analysis import CostReport

_SIGNS = ("\u25cf", "\u25a0", "\u25c6", "\u25b2", "\u271a", "\u25bc", "\u2b1f")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "pentagon")
_DASHES = (("solid", "solid"), ("dash", "dashed"), ("dot", "dotted"))  # plotly's and CSS's


@dataclass(frozen=True, slots=True, kw_only=True)
class NetCost:
    """One net: what it costs, and what was published of its errors.

    `published` is empty for a net that is no paper's, also for a variant whose width, side,
    channels or classes were changed.
    """

    name: str
    report: "CostReport"
    published: tuple[Published, ...] = ()

    @property
    def headline(self) -> Published | None:
        """The single-crop ImageNet figure."""
        return headline_of(self.published)

    @property
    def accuracy(self) -> float | None:
        """Top-1 accuracy in percent by the headline."""
        found = self.headline
        return None if found is None or found.top1_error is None else 100 - float(found.top1_error)


def marker(index: int) -> dict[str, Any]:
    """Colour and symbol of the net at `index`; both repeat only after 56 nets."""
    return {"color": SERIES[index % len(SERIES)], "symbol": _SYMBOLS[index % len(_SYMBOLS)]}


def stroke(index: int) -> dict[str, Any]:
    """Colour and dashes of the net at `index`."""
    dash = _DASHES[index // len(SERIES) % len(_DASHES)][0]
    return {"color": SERIES[index % len(SERIES)], "dash": dash, "width": 2}


def mark_legend(nets: Sequence[tuple[int, NetCost]]) -> Html:
    """The nets with their marks, once for several charts."""
    return _legend(
        (
            element("span", _SIGNS[i % len(_SIGNS)], style=f"color:{SERIES[i % len(SERIES)]}"),
            net,
        )
        for i, net in nets
    )


def line_legend(nets: Sequence[NetCost]) -> Html:
    """The nets with their lines, once for several charts."""
    return _legend(
        (element("span", class_="stroke", style=_border(i)), n) for i, n in enumerate(nets)
    )


def _border(index: int) -> str:
    dash = _DASHES[index // len(SERIES) % len(_DASHES)][1]
    return f"border-top:2px {dash} {SERIES[index % len(SERIES)]}"


def _legend(entries: Iterable[tuple[Html, NetCost]]) -> Html:
    items = (element("li", sign, " ", name(net.name, 60)) for sign, net in entries)
    return element("ul", *items, class_="legend")


def error(row: Published) -> str:
    """The figure in words: "24.7 % top-1 error, 7.8 % top-5, single crop"."""
    parts = []
    if row.top1_error is not None:
        parts.append(f"{row.top1_error} % top-1 error")
    if row.top5_error is not None:
        parts.append(f"{row.top5_error} % top-5" + ("" if parts else " error"))
    return ", ".join([*parts, row.protocol])
