"""The confusion matrix: its heat map and its largest entries."""

from collections.abc import Sequence

from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, axis, figure, label

DRAWN_CLASSES = 100  # beyond that a cell is smaller than a finger or an eye can hit
_NUMBERED = 20  # classes up to which counts are written into the cells
_NAMED = 34  # names that fit along a side
_LISTED = 8

Matrix = Sequence[Sequence[int]]


def kept_classes(confusion: Matrix) -> list[int]:
    """The classes to draw: all, or those with the most mistakes where there are too many."""
    every = range(len(confusion))
    if len(confusion) <= DRAWN_CLASSES:
        return list(every)
    wrong = {i: sum(confusion[i]) - confusion[i][i] for i in every}
    return sorted(sorted(every, key=lambda i: -wrong[i])[:DRAWN_CLASSES])


def confused(confusion: Matrix) -> list[tuple[int, int, int, int]]:
    """(truth, predicted, images, all images of truth), the most frequent first."""
    found = [
        (truth, predicted, n, sum(row))
        for truth, row in enumerate(confusion)
        for predicted, n in enumerate(row)
        if n and truth != predicted
    ]
    return sorted(found, key=lambda f: -f[2])[:_LISTED]


def heat_map(confusion: Matrix, classes: Sequence[str], kept: list[int]) -> Figure:
    """Rows true, columns predicted, colour by share of the row, counts in the hover."""
    labels = _labels([classes[i] for i in kept])
    counts = [[confusion[i][j] for j in kept] for i in kept]
    totals = [max(1, sum(confusion[i])) for i in kept]
    trace = {
        "type": "heatmap",
        "x": labels,
        "y": labels,
        "z": [[n / total for n in row] for row, total in zip(counts, totals, strict=True)],
        "customdata": counts,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [
            [share, f"var(--heat-{i})"] for i, share in enumerate((0, 0.02, 0.1, 0.4, 1))
        ],
        "showscale": False,
        "xgap": 1 if len(kept) <= _NAMED else 0,
        "ygap": 1 if len(kept) <= _NAMED else 0,
        "hovertemplate": "true: %{y}<br>said: %{x}<br>%{customdata:,} images, %{z:.1%} of the row"
        "<extra></extra>",
    }
    if len(kept) <= _NUMBERED:
        trace["text"] = [[units.count(n) if n else "" for n in row] for row in counts]
        trace["texttemplate"] = "%{text}"
    layout = {
        "margin": {"l": 60, "r": 8, "t": 30, "b": 60},
        "xaxis": _side("said", labels),
        "yaxis": {**_side("true", labels), "autorange": "reversed"},
    }
    return {
        **figure([trace], layout, narrow={"font": {"size": 10}}),
        "square": min(760, 300 + 40 * len(kept)),
    }


def _side(title: str, labels: list[str]) -> dict[str, object]:
    every = -(-len(labels) // _NAMED)
    places = list(range(0, len(labels), every))
    return axis(
        title,
        type="category",
        tickvals=places,
        ticktext=[labels[i] for i in places],
        showgrid=False,
        ticks="",
        tickfont={"size": 12 if len(labels) <= _NUMBERED else 10},
    )


def _labels(names: Sequence[str]) -> list[str]:
    """Short labels, told apart by a number where shortening made two alike."""
    short = [label(n, 18) for n in names]
    return [s if short.count(s) == 1 else f"{s} #{i + 1}" for i, s in enumerate(short)]
