"""The page on gates: what squeeze-and-excitation weights, by class and by depth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convatlas.files import write_atomic
from convatlas.reports import _units as units
from convatlas.reports._chart import SERIES, Figure, axis, chart, figure, label, lines
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._shell import document, plotly_source
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Excitation, ExcitationBlock

_DRAWN_CLASSES = 5
_HEIGHT = 300
_SOURCE = "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018 (the role of excitation)"


def write_excitation(
    found: "Excitation", path: Path, *, model: str, drawn: tuple[str, ...] = ()
) -> Path:
    """Write `found` as one HTML page that needs neither network nor other files.

    Args:
        model: name of the net.
        drawn: the classes whose curves are drawn; the five with the most images if empty.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    figures: dict[str, Figure] = {}
    numbers = _numbers(found, drawn)
    sections = [
        ("depth", "Depth by depth", _depth(found, figures)),
        ("classes", "Gate by gate", _gates(found, numbers, figures)),
    ]
    text = document(
        f"{model}: gates", _top(found, model), sections, figures=figures, plotly=plotly_source(path)
    )
    write_atomic(path, text.encode("utf-8"))
    return path


def _top(found: "Excitation", model: str) -> Html:
    images = units.counted(sum(found.images), "image")
    classes = sum(1 for n in found.images if n)
    return join(
        [
            element("p", name(model), class_="over-title"),
            element("h1", f"{len(found.blocks)} blocks weight their channels"),
            element(
                "p",
                f"Mean gate of every channel over {images} of {classes} classes. Where the curves "
                "of the classes coincide, a block treats all images alike; where they part, it "
                f"tells classes. The analysis is that of {_SOURCE}.",
            ),
        ]
    )


def _numbers(found: "Excitation", drawn: tuple[str, ...]) -> list[int]:
    if drawn:
        return [found.classes.index(one) for one in drawn]
    seen = [i for i, n in enumerate(found.images) if n]
    return sorted(sorted(seen, key=lambda i: -found.images[i])[:_DRAWN_CLASSES])


def _depth(found: "Excitation", figures: dict[str, Figure]) -> Html:
    names = [label(block.name) for block in found.blocks]
    curves = (("mean gate", "level"), ("between classes", "between"), ("within a class", "within"))
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": title,
            "x": names,
            "y": [getattr(block, key) for block in found.blocks],
            "line": {"color": SERIES[number], "width": 2},
            "hovertemplate": lines("%{x}", f"{title}: %{{y:.3f}}") + "<extra></extra>",
        }
        for number, (title, key) in enumerate(curves)
    ]
    layout = {
        "xaxis": axis("block, from input to output", type="category", showticklabels=False),
        "yaxis": axis("gate", rangemode="tozero"),
    }
    figures["depth"] = figure(data, layout)
    columns = [
        Column("block"),
        *(Column(t, figures=True) for t in ("gates", "mean", "between classes", "within a class")),
        Column("saturated", figures=True),
    ]
    return join(
        [
            chart(
                "depth",
                "Mean gate and its spread by depth",
                "Spread: standard deviations, the mean over channels. Between classes: of the "
                "classes' means; within: of single images.",
            ),
            table("Blocks in running order", columns, [_row(block) for block in found.blocks]),
        ]
    )


def _row(block: "ExcitationBlock") -> list[Cell]:
    values = (block.level, block.between, block.within)
    return [
        Cell(name(block.name)),
        Cell(f"{block.channels:,}", block.channels),
        *(Cell(f"{value:.3f}", value) for value in values),
        Cell(f"{100 * block.saturated:.0f} %", block.saturated),
    ]


def _gates(found: "Excitation", numbers: list[int], figures: dict[str, Figure]) -> Html:
    parts = []
    for place, block in enumerate(found.blocks):
        key = f"block-{place}"
        figures[key] = _block(found, block, numbers)
        parts.append(element("h3", name(block.name)))
        parts.append(chart(key, f"Mean gates of {block.name} by class"))
    return join(parts)


def _block(found: "Excitation", block: "ExcitationBlock", numbers: list[int]) -> Figure:
    data: list[dict[str, Any]] = [
        _curve(label(found.classes[i]), block.mean[i], SERIES[place % len(SERIES)], 1.0)
        for place, i in enumerate(numbers)
    ]
    data.append(_curve("all classes", np.nanmean(block.mean, axis=0), "var(--ink)", 1.5))
    layout = {
        "height": _HEIGHT,
        "xaxis": axis("channel", rangemode="nonnegative"),
        "yaxis": axis("mean gate", range=[0, 1]),
    }
    return figure(data, layout)


def _curve(title: str, gates: np.ndarray, colour: str, width: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": title,
        "y": [round(float(gate), 4) for gate in gates],
        "line": {"color": colour, "width": width},
        "hovertemplate": f"{title}, channel %{{x}}: %{{y:.3f}}<extra></extra>",
    }
