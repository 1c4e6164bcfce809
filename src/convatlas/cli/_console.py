"""Tables and JSON on stdout; progress and remarks on stderr."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

_FIGURE = re.compile(r"[<-]?[\d.,]+( ?[a-zA-Z%]+)?|-")
_WORTH_SAYING_S = 1.0  # a phase that took less is not reported where there is no bar
JSON_HELP = "Print the result as JSON for programs."


def print_json(value: Any) -> None:
    """Print `value` as indented JSON; NaN and infinity never appear."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table; columns that hold figures are set flush right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=None)
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        cells = [row[index] for row in texts if row[index]]
        numeric = bool(cells) and all(_FIGURE.fullmatch(cell) for cell in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() else 200
    console = Console(file=sys.stdout, width=width)
    if title:
        console.print(printable(title), style="bold", markup=False, highlight=False)
    console.print(table)


def say(line: str) -> None:
    """A line on stderr."""
    sys.stderr.write(printable(line) + "\n")


def printable(text: str) -> str:
    """`text` without control characters, so that a file name cannot steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


@contextmanager
def resumable() -> Iterator[None]:
    """Say on an interruption that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        raise


class Progress:
    """A bar with an estimate per phase on a terminal; elsewhere a line when a phase ends."""

    def __init__(self, live: Any = None) -> None:
        self._live = live
        self._tasks: dict[str, Any] = {}
        self._started: dict[str, float] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report that `done` of `total` units of `phase` are done."""
        self._started.setdefault(phase, monotonic())
        if self._live is not None:
            if phase not in self._tasks:
                self._tasks[phase] = self._live.add_task(printable(phase), total=total)
            self._live.update(self._tasks[phase], completed=done, total=total)
        elif done >= total > 0:
            seconds = monotonic() - self._started.pop(phase)
            if seconds >= _WORTH_SAYING_S:
                say(f"{phase}: {total:,} in {seconds:.1f} s")

    def say(self, line: str) -> None:
        """A line above the bars."""
        if self._live is None:
            say(line)
        else:
            self._live.console.print(printable(line), markup=False, highlight=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress on stderr for as long as the block runs."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
    with bars:
        yield Progress(bars)
