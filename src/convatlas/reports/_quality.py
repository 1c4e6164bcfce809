"""What the chosen net gets right and wrong on the test images."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from convatlas.reports import _units as units
from convatlas.reports._chart import Figure, chart
from convatlas.reports._confusion import DRAWN_CLASSES, confused, heat_map, kept_classes
from convatlas.reports._html import Html, element, join, name, shortened
from convatlas.reports._tables import Cell, Column, bar, pairs, table

_PIXELATED = 96  # pictures up to this side are enlarged as squares
_PICTURE_BYTES = 600_000  # of all pictures together, before their encoding as text
_PNG = b"\x89PNG\r\n\x1a\n"


def test(result: Mapping[str, Any], figures: dict[str, Figure]) -> Html | None:
    """Figures of the whole test set, confusion matrix and classes."""
    scored = result.get("test")
    if not scored:
        return None
    classes = _classes(result)
    parts = [pairs(_totals(scored))]
    if len(classes) > 1 and scored.get("confusion"):
        parts.append(confusion_matrix(scored["confusion"], classes, figures))
    if scored.get("per_class"):
        parts.append(class_table(scored["per_class"]))
    return join(parts)


def mistakes(result: Mapping[str, Any], pictures: Mapping[int, bytes]) -> Html | None:
    """The pictures that the net was surest about and wrong."""
    scored = result.get("test") or {}
    found = scored.get("mistakes") or ()
    if not found:
        return None
    shown: list[Html] = []
    used = 0
    for mistake in found:
        picture = pictures.get(mistake["index"])
        used += len(picture or b"")
        if shown and used > _PICTURE_BYTES:
            break
        shown.append(_mistake(mistake, picture))
    wrong = units.counted(_wrong(scored), "wrong answer")
    text = (
        f"The {len(shown)} of {wrong} given with the most confidence, the most confident first. "
        "Look for wrong labels, odd pictures and classes that overlap."
    )
    return join([element("p", text), element("div", *shown, class_="mistakes")])


def _wrong(scored: Mapping[str, Any]) -> int:
    return round(scored["n"] * scored["top1_error"] / 100)


def _classes(result: Mapping[str, Any]) -> list[str]:
    return [str(c) for c in (result.get("data") or {}).get("classes") or ()]


def _totals(scored: Mapping[str, Any]) -> list[tuple[str, str]]:
    accuracy, n = 100 - scored["top1_error"], scored["n"]
    rows: list[tuple[str, str]] = [("Accuracy", units.percent(accuracy, 2))]
    if n > 0:
        low, high = units.interval(accuracy, n)
        rows.append(("95 % interval", f"{low:.1f} to {high:.1f} %"))
    rows.append(("Test images", units.count(n)))
    if units.number(scored.get("top5_error")) is not None:
        rows.append(("Among the first five", units.percent(100 - scored["top5_error"], 2)))
    if units.number(scored.get("loss")) is not None:
        rows.append(("Loss", f"{scored['loss']:.3f} nats"))
    if units.number(scored.get("calibration_error")) is not None:
        rows.append(("Calibration error", units.percent(100 * scored["calibration_error"])))
    if scored.get("protocol"):
        rows.append(("Protocol", scored["protocol"]))
    return rows


def confusion_matrix(
    confusion: Sequence[Sequence[int]], classes: list[str], figures: dict[str, Figure]
) -> Html:
    """The heat map and its largest entries."""
    kept = kept_classes(confusion)
    figures["confusion"] = heat_map(confusion, classes, kept)
    caption = (
        "Rows are the true classes, columns what the net said. Colour is the share of the row; "
        "the scale is stretched at its low end so that rare confusions are seen."
    )
    if len(kept) < len(confusion):
        caption += (
            f" Drawn are the {DRAWN_CLASSES} of {len(confusion)} classes with the most mistakes."
        )
    drawing = chart(
        "confusion",
        f"Heat map: confusion matrix of {len(kept)} classes. Tables hold the figures.",
        caption,
    )
    rows = [_confused_row(*found, classes) for found in confused(confusion)]
    if not rows:
        return drawing
    columns = (Column("True class"), Column("Taken for"), Column("Images", figures=True))
    listing = table("The most frequent confusions", columns, rows, sortable=False)
    return element("div", drawing, listing, class_="beside")


def _confused_row(truth: int, predicted: int, n: int, total: int, classes: list[str]) -> list[Cell]:
    share = element("span", f" of {total:,}", class_="quiet")
    return [
        Cell(name(classes[truth], 40)),
        Cell(name(classes[predicted], 40)),
        Cell(join([units.count(n), share])),
    ]


def class_table(scores: Sequence[Mapping[str, Any]]) -> Html:
    """Recall and precision of each class, the hardest first."""

    def recall(score: Mapping[str, Any]) -> float:
        value = units.number(score.get("recall"))
        return inf if value is None else value

    rows = [
        [
            Cell(name(s["name"], 60), str(s["name"])),
            Cell(units.count(s.get("n")), s.get("n")),
            *(_share(s.get(key)) for key in ("recall", "precision")),
        ]
        for s in sorted(scores, key=recall)
    ]
    columns = (
        Column("Class"),
        Column("Images", figures=True),
        Column("Recall", figures=True),
        Column("Precision", figures=True),
    )
    caption = (
        "Each class, the hardest first. Recall: share of its images that were found. "
        "Precision: share of the images given its name that are its own."
    )
    return table(caption, columns, rows, tall=True)


def _share(value: Any) -> Cell:
    share = units.number(value)
    if share is None:
        return Cell(units.MISSING)
    return Cell(join([bar(share), element("span", units.percent(100 * share))]), share)


def _mistake(mistake: Mapping[str, Any], picture: bytes | None) -> Html:
    truth, predicted = mistake["truth"], mistake["predicted"]
    confidence = units.number(mistake.get("confidence"))
    sure = units.MISSING if confidence is None else units.percent(100 * confidence)
    caption = element(
        "figcaption",
        element("span", "said ", name(predicted, 40), ", ", element("b", sure), class_="said"),
        element("span", "labelled ", name(truth, 40), class_="truth"),
        element("span", name(mistake.get("name", ""), 60), class_="file"),
    )
    description = f"Picture labelled {shortened(truth, 40)}, taken for {shortened(predicted, 40)}"
    return element("figure", drawn(picture, description), caption)


def drawn(picture: bytes | None, description: str) -> Html:
    """A picture in the page, or the place of one that is not there."""
    if picture is None or not picture.startswith(_PNG) or len(picture) < 24:
        return element("div", "no picture", class_="absent")
    width, height = (int.from_bytes(picture[i : i + 4], "big") for i in (16, 20))
    return element(
        "img",
        src=f"data:image/png;base64,{b64encode(picture).decode()}",
        alt=description,
        width=width,
        height=height,
        class_="pixelated" if max(width, height) <= _PIXELATED else None,
    )
