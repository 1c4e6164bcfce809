"""An evaluation as tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convatlas.cli._console import print_table, say

if TYPE_CHECKING:
    from convatlas.data import Unreadable
    from convatlas.evaluation import Evaluation
    from convatlas.reports import EvaluationReport

_MOST_ROWS = 50  # of classes


def print_scores(report: "EvaluationReport") -> None:
    """Tables on stdout, remarks on stderr."""
    main = report.evaluation
    _print_classes(main)
    _print_slices(report)
    _print_worse(report)
    _print_members(report)
    print_table(["", ""], [*_rows(main), *_asked(report)])


def say_unreadable(lost: "Sequence[Unreadable]") -> None:
    """Each by name and reason, as far as a person reads."""
    for missing in lost[:_MOST_ROWS]:
        say(f"not scored, cannot be read: {missing.name} ({missing.reason})")
    if len(lost) > _MOST_ROWS:
        say(f"and {len(lost) - _MOST_ROWS:,} more that cannot be read; --json has all")


def _print_classes(main: "Evaluation") -> None:
    rows = main.per_class
    if len(rows) > _MOST_ROWS:
        rows = tuple(sorted(rows, key=lambda score: (score.recall is None, score.recall or 0.0)))
        say(f"the {_MOST_ROWS} of {len(rows):,} classes that are found least; --json has all")
    print_table(
        ["class", "images", "precision", "recall"],
        [[c.name, c.n, _share(c.precision), _share(c.recall)] for c in rows[:_MOST_ROWS]],
    )


def _print_slices(report: "EvaluationReport") -> None:
    found = report.slices
    if found is None:
        return
    for column in found.columns:
        print_table(
            [column.column, "images", "top-1 error", "95 % interval"],
            [
                [part.value, f"{part.n:,}", _percent(part.top1_error), _interval(part.interval)]
                for part in column.slices
            ],
        )
        if column.empty:
            say(f"no scored image has {column.column} {', '.join(map(repr, column.empty[:5]))}")
    for column_name, count in found.left_out:
        say(f"column {column_name!r} has {count:,} different words and was left out")
    if found.images_without_row:
        first = found.without_row[0]
        say(f"{found.images_without_row:,} images have no row in {found.table}: {first!r} ...")
    if found.rows_without_image:
        first = found.without_image[0]
        say(f"{found.rows_without_image:,} rows of {found.table} have no image: {first!r} ...")


def _print_worse(report: "EvaluationReport") -> None:
    found = report.robustness
    if found is None:
        return
    clean = _percent(found.clean.top1_error)
    print_table(
        [f"top-1 error, {found.n:,} images", "clean", "from mild to severe"],
        [
            [curve.corruption, clean, "  ".join(_percent(p.top1_error) for p in curve.points)]
            for curve in found.curves
        ],
    )


def _print_members(report: "EvaluationReport") -> None:
    if not report.members:
        return
    both = (*report.members, report.evaluation)
    names = [*(member.model for member in report.members), f"ensemble of {len(report.members)}"]
    print_table(
        ["", "top-1 error", "95 % interval", "loss"],
        [
            [name, _percent(one.top1_error), _interval(one.top_k[0].interval), f"{one.loss:.4f}"]
            for name, one in zip(names, both, strict=True)
        ],
    )


def _rows(main: "Evaluation") -> list[list[str]]:
    errors = [
        [f"top-{top.k} error", f"{_percent(top.error)}  ({_interval(top.interval)})"]
        for top in main.top_k
    ]
    return [
        ["model", main.model],
        *_protocols(main.protocol),
        ["images", f"{main.n:,}"],
        ["unreadable", f"{len(main.unreadable):,}"],
        *errors,
        ["loss", f"{main.loss:.4f}"],
        ["calibration error", f"{main.calibration_error:.4f}"],
    ]


def _protocols(text: str) -> list[list[str]]:
    """The protocol of each net and its pixels, in lines that fit a terminal."""
    rows = []
    for each in text.split("; "):
        protocol, _, pixels = each.partition(" on ")
        rows.append(["protocol", protocol])
        for part in filter(None, pixels.split(", ")):
            rows.append(["" if rows[-1][0] in ("pixels", "") else "pixels", part])
    return rows


def _asked(report: "EvaluationReport") -> list[list[str]]:
    rows = []
    if (found := report.calibration) is not None:
        temperature = found.temperature
        told = f"{temperature.value:.4g}, fitted on {temperature.fitted_on}"
        rows.append(["temperature", told])
        rows.append(["loss with it", f"{found.loss_after:.4f}"])
        rows.append(["calibration error with it", f"{found.after.expected_error:.4f}"])
    if (pairs := report.duplicates) is not None:
        rows.append(["near-duplicates", f"{len(pairs.pairs):,} (likeness {pairs.threshold:g})"])
    if report.without_duplicates is not None:
        n, error = report.without_duplicates
        rows.append(["top-1 error without", f"{_percent(error)} of {n:,}"])
    return rows


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def _interval(interval: Any) -> str:
    return f"{interval.low:.2f} to {interval.high:.2f}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
