"""The page of an evaluation: what the net scores, by which protocol, and where it goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from convatlas.files import write_atomic
from convatlas.reports import _duplicates, _quality, _reliability, _roc, _slices, _worse
from convatlas.reports import _units as units
from convatlas.reports._chart import Figure
from convatlas.reports._html import Html, element, join, name, shortened
from convatlas.reports._shell import Section, document, plotly_source
from convatlas.reports._tables import Cell, Column, table

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Calibration, Evaluation, NearDuplicates, Robustness, Slices
    from convatlas.evaluation.metrics import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """What goes on the page; what is not there is left out."""

    evaluation: "Evaluation"
    data: str = ""  # what was scored, for people: "photos, test"
    members: "tuple[Evaluation, ...]" = ()  # of an ensemble, each by itself
    calibration: "Calibration | None" = None
    slices: "Slices | None" = None
    robustness: "Robustness | None" = None
    duplicates: "NearDuplicates | None" = None
    without_duplicates: tuple[int, float] | None = None  # images, top-1 error in percent
    pictures: Mapping[str, bytes] = field(default_factory=dict)  # PNG by name of the image


def pictured(report: EvaluationReport) -> set[str]:
    """Names of the images that the page shows where `pictures` has them."""
    pairs = report.duplicates.pairs[: _duplicates.SHOWN] if report.duplicates else ()
    return {
        *(mistake.name for mistake in report.evaluation.mistakes),
        *(name for pair in pairs for name in (pair.test, pair.train)),
    }


def write_evaluation(report: EvaluationReport, path: Path) -> Path:
    """Write `report` as one HTML page that needs neither network nor other files.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    figures: dict[str, Figure] = {}
    sections = _sections(report, figures)
    model = shortened(report.evaluation.model, 80)
    title = f"{model}: {report.evaluation.top1_error:.2f} % error"
    text = document(title, _top(report), sections, figures=figures, plotly=plotly_source(path))
    write_atomic(path, text.encode("utf-8"))
    return path


def _sections(report: EvaluationReport, figures: dict[str, Figure]) -> list[Section]:
    found = report.evaluation
    robustness, duplicates = report.robustness, report.duplicates
    every = [
        ("scores", "Scores", _scores(report)),
        ("classes", "Classes", _classes(found, figures)),
        ("slices", "Slices", _slices.section(report.slices, found) if report.slices else None),
        ("calibration", "Calibration", _reliability.section(found, report.calibration, figures)),
        ("curves", "Each class against the rest", _roc.section(found.curves, figures)),
        ("robustness", "Robustness", robustness and _worse.section(robustness, figures)),
        (
            "duplicates",
            "Near-duplicates of training images",
            duplicates
            and _duplicates.section(duplicates, found, report.without_duplicates, report.pictures),
        ),
        ("mistakes", "Most confident mistakes", _mistakes(report)),
        ("unreadable", "Not scored", _unreadable(found)),
    ]
    return [(key, title, content) for key, title, content in every if content]


def _top(report: EvaluationReport) -> Html:
    found = report.evaluation
    what = f", scored on {shortened(report.data, 80)}" if report.data else ""
    parts: list[str] = [
        element("p", name(found.model), what, class_="over-title"),
        element(
            "h1",
            element("strong", units.percent(found.top1_error, 2)),
            f" of {units.counted(found.n, 'image')} are given the wrong class",
        ),
        element("p", f"Protocol: {found.protocol}", class_="quiet"),
    ]
    if found.unreadable:
        lost = units.counted(len(found.unreadable), "image")
        parts.append(element("p", f"{lost} could not be read and were not scored.", class_="no"))
    return join(parts)


def _scores(report: EvaluationReport) -> Html:
    found = report.evaluation
    rows = [
        _row(f"Top-{s.k} error", units.percent(s.error, 2), s.interval, " %") for s in found.top_k
    ]
    rows.append(_row("Loss", f"{found.loss:.4f} nats", found.loss_interval, ""))
    rows.append(
        _row("Expected calibration error", units.percent(100 * found.calibration_error, 2), None)
    )
    columns = (
        Column("Score"),
        Column("Measured", figures=True),
        Column("95 % interval", figures=True),
    )
    parts = [table("Over all images", columns, rows, sortable=False)]
    if report.members:
        parts.append(_members(report))
    return join([*parts, _how(found)])


def _row(score: str, measured: str, interval: "Interval | None", unit: str = "") -> list[Cell]:
    return [Cell(score), Cell(measured), Cell(_between(interval, unit))]


def _between(interval: "Interval | None", unit: str) -> str:
    if interval is None:
        return units.MISSING
    places = 2 if unit else 4
    return f"{interval.low:.{places}f} to {interval.high:.{places}f}{unit}"


def _how(found: "Evaluation") -> Html:
    interval = found.loss_interval
    if interval is None:
        return element("p", "")
    return element(
        "p",
        f"Intervals by bootstrap: resamples of {interval.n:,} images each, drawn with "
        f"replacement, seed {interval.seed}; Wilson's where no image, or every one, is wrong. "
        "They say how far the score may move on other images of the same kind. A tie for the "
        "largest score counts as an error.",
        class_="quiet",
    )


def _members(report: EvaluationReport) -> Html:
    every = (*report.members, report.evaluation)
    rows = [
        [
            Cell("ensemble" if i == len(report.members) else name(one.model, 60)),
            Cell(units.percent(one.top1_error, 2)),
            Cell(_between(one.top_k[0].interval, " %") if one.top_k else units.MISSING),
            Cell(f"{one.loss:.4f}"),
        ]
        for i, one in enumerate(every)
    ]
    columns = (
        Column("Net"),
        Column("Top-1 error", figures=True),
        Column("95 % interval", figures=True),
        Column("Loss", figures=True),
    )
    caption = "Single nets and the ensemble, the mean of their probabilities"
    return table(caption, columns, rows, sortable=False, marked=len(every) - 1)


def _classes(found: "Evaluation", figures: dict[str, Figure]) -> Html:
    names = [score.name for score in found.per_class]
    confused = _confused(found, names, figures)
    return join([confused or "", _quality.class_table(found.as_dict()["per_class"])])


def _confused(found: "Evaluation", names: list[str], figures: dict[str, Figure]) -> Html | None:
    if found.confusion and len(names) > 1:
        return _quality.confusion_matrix(found.confusion, names, figures)
    if not found.confused:
        return None
    rows = [
        [Cell(name(p.truth, 40)), Cell(name(p.predicted, 40)), Cell(f"{p.n:,} of {p.of:,}", p.n)]
        for p in found.confused
    ]
    columns = (Column("True class"), Column("Taken for"), Column("Images", figures=True))
    return table("The most frequent confusions", columns, rows, tall=True)


def _mistakes(report: EvaluationReport) -> Html | None:
    found = report.evaluation
    pictures = {
        m.index: report.pictures[m.name] for m in found.mistakes if m.name in report.pictures
    }
    return _quality.mistakes({"test": found.as_dict()}, pictures)


def _unreadable(found: "Evaluation") -> Html | None:
    if not found.unreadable:
        return None
    rows = [[Cell(name(file.name)), Cell(file.reason)] for file in found.unreadable[:200]]
    caption = f"{units.counted(len(found.unreadable), 'file')}, the first {len(rows)} shown"
    return table(caption, (Column("File"), Column("Reason")), rows, tall=True)
