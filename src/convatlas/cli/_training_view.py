"""A run as a person watches it: in place on a terminal, a line now and then elsewhere."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from convatlas.cli._console import Progress
from convatlas.cli._training_figures import Figures

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from convatlas.training import Status

_FIRST_S, _EVERY_S = 5.0, 30.0  # until the first line, and between two
_REFRESHED = 2  # times a second
_COLUMN = 26  # characters of a name with its figure
_MOST_COLUMNS = 3
_TOLD = 10  # lines for events of one kind; the summary counts all


class View:
    """Takes what a run reports: phases, remarks, its status and the lines of its log."""

    def __init__(self, progress: Progress, *, live: bool) -> None:
        self._progress = progress
        self._live = live
        self.figures = Figures()
        self._due = monotonic() + _FIRST_S
        self._told: Counter[str] = Counter()
        self._named: set[str] = set()  # images that could not be read

    def __call__(self, phase: str, done: int, total: int) -> None:
        """How far a phase is."""
        if self._live or phase != "training":
            self._progress(phase, done, total)

    def say(self, line: str) -> None:
        """A remark."""
        self._progress.say(line)

    def status(self, status: "Status") -> None:
        """How the run goes."""
        self.figures.take(status)
        now = monotonic()
        if not self._live and (now >= self._due or status.step == status.steps):
            self._due = now + _EVERY_S
            self.say(self.figures.line())

    def entry(self, kind: str, values: dict[str, Any]) -> None:
        """A line of the log."""
        if kind == "validation":
            self.figures.accuracy = (values["accuracy"], values["step"])
            if not self._live:
                self.say(
                    f"validation at step {values['step']:,}: {values['accuracy']:.2f} % of "
                    f"{values['images']:,} images, loss {values['loss']:.4f}"
                )
        elif kind != "training":
            self._event(kind, values)

    def _event(self, kind: str, values: dict[str, Any]) -> None:
        from convatlas.training import event_line

        if kind == "unreadable":
            new = {k: v for k, v in values["images"].items() if k not in self._named}
            if not new:
                return
            self._named.update(new)
            values = {**values, "images": new}
        self._told[kind] += 1
        if self._told[kind] <= _TOLD:
            self.say(event_line({"kind": kind, **values}))
        elif self._told[kind] == _TOLD + 1:
            self.say(f"{kind}: from here on counted, not told")


class _Grid:
    """The figures in as many columns as fit, drawn anew whenever rich asks."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def __rich_console__(self, console: "Console", _options: Any) -> "Iterator[RenderableType]":
        from rich.table import Table
        from rich.text import Text

        rows = self._figures.rows()
        columns = max(1, min(_MOST_COLUMNS, console.width // _COLUMN))
        grid = Table.grid(padding=(0, 2))
        for _ in range(columns):
            grid.add_column(style="dim")
            grid.add_column()
        cells = [Text(part) for pair in rows for part in pair]
        for start in range(0, len(cells), 2 * columns):
            grid.add_row(*cells[start : start + 2 * columns])
        yield grid


@contextmanager
def watched() -> Iterator[View]:
    """A view on stderr for as long as the block runs."""
    if not sys.stderr.isatty():
        yield View(Progress(), live=False)
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(file=sys.stderr)
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    view = View(Progress(bars), live=True)
    with Live(Group(bars, _Grid(view.figures)), console=console, refresh_per_second=_REFRESHED):
        yield view
