"""A training from the command line: watched, logged, summed up."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from convatlas.cli._console import print_json, print_table, resumable, say
from convatlas.cli._training_view import View, watched
from convatlas.device import format_bytes
from convatlas.errors import UserError
from convatlas.reports._units import seconds as duration
from convatlas.training import (
    Diverged,
    Lesson,
    Monitor,
    Status,
    TensorBoard,
    event_counts,
    read_pace,
    teach,
)

RUN = "run"  # folder of the run in --out
_REPORT = "report.html"


class _Both:
    """Two monitors at once."""

    def __init__(self, *monitors: Monitor) -> None:
        self._monitors = monitors

    def status(self, status: Status) -> None:
        for monitor in self._monitors:
            monitor.status(status)

    def entry(self, kind: str, values: dict[str, Any]) -> None:
        for monitor in self._monitors:
            monitor.entry(kind, values)


def run(lesson: Lesson, out: Path, *, tensorboard: bool, as_json: bool) -> None:
    """Train, print what came out, write the report: of a run that diverged, too."""
    with watched() as view, resumable(), _monitors(view, out, tensorboard=tensorboard) as monitor:
        try:
            result = teach(lesson, out, progress=view, say=view.say, monitor=monitor)
        except Diverged:
            if report := _report(out):
                view.say(f"report: {report}")
            raise
    report = _report(out)
    if as_json:
        print_json(result)
        return
    print_table(["net", _net(lesson, result)], _rows(result, out, report))


@contextmanager
def _monitors(view: View, out: Path, *, tensorboard: bool) -> Iterator[Monitor]:
    board = TensorBoard(out / "tensorboard", out / RUN) if tensorboard else None
    with closing(board) if board else nullcontext():
        yield _Both(view, board) if board else view


def _net(lesson: Lesson, result: dict[str, Any]) -> str:
    width = "" if lesson.width == 1 else f" x{lesson.width:g}"
    return f"{lesson.variant}{width} at {result['side']}x{result['side']}"


def _rows(result: dict[str, Any], out: Path, report: Path | None) -> list[list[str]]:
    test, pace = result["test"], read_pace(out / RUN)
    rows = [
        ["recipe", result["recipe"]["name"]],
        ["steps", f"{result['steps']:,}"],
        ["time", duration(result["seconds"])],
        ["test accuracy", f"{100 - test['top1_error']:.2f} % of {test['n']:,} images"],
    ]
    if result["validation"]:
        last = result["validation"][-1]
        rows.append(["validation", f"{last['accuracy']:.2f} % of {last['images']:,} images"])
    if pace:
        waiting = 100 * median(line["wait_share"] for line in pace)
        speed = median(line["images_per_s"] for line in pace)
        rows.append(["images/s", f"{speed:,.0f}, {waiting:.0f} % of the time waiting for images"])
        rows.append(["memory", format_bytes(max(line["memory_bytes"] for line in pace))])
    rows += [[name, what] for name, what in event_counts(result["events"])]
    rows.append(["bundle", result["bundle"]])
    if report is not None:
        rows.append(["report", str(report)])
    return rows


def _report(out: Path) -> Path | None:
    """Write the report; a training is not lost for the lack of one."""
    from convatlas.reports import write_training
    from convatlas.training import read_record

    try:
        return write_training(read_record(out), out / _REPORT)
    except UserError as error:
        say(f"no report: {error}")
        return None
