"""What the folder of a training holds, finished or not, for those who tell of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convatlas.errors import UnknownName, UserError
from convatlas.training import _diverged, _log, _run
from convatlas.training._events import event_counts, event_line
from convatlas.training._named import NamedRecipe
from convatlas.training._pace_log import read_pace
from convatlas.training._recipe import Recipe

RUN = "run"  # folder of the run in the one of `convatlas train`


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A training as its files tell it."""

    folder: Path
    settings: dict[str, Any]  # run.json
    history: tuple[dict[str, Any], ...]  # step, epoch, loss, learning_rate
    validation: tuple[dict[str, Any], ...]  # step, accuracy (percent), loss (nats), images
    events: tuple[dict[str, Any], ...]  # kind and step
    pace: tuple[dict[str, Any], ...]  # step, images_per_s, wait_share, memory_bytes, seconds
    result: dict[str, Any] | None  # of a finished one: result.json
    diverged: dict[str, Any] | None  # of one that went to infinity
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of a recipe's fields
    places: Mapping[str, str] = field(default_factory=dict)  # field: where the recipe's is stated

    @property
    def step(self) -> int:
        """The last step that the log tells of."""
        return max((e["step"] for e in (*self.history, *self.validation)), default=0)

    @property
    def event_lines(self) -> list[str]:
        """The events, a line each."""
        return [event_line(event) for event in self.events]

    @property
    def event_counts(self) -> list[tuple[str, str]]:
        """The events, counted."""
        return event_counts(self.events)


def read_record(folder: Path) -> Record:
    """What `convatlas train --out folder` has left there so far; torn lines are left out.

    Raises:
        UserError: if there is no training there, or its run.json cannot be read.
    """
    run = folder / RUN
    if not (run / _run.NAME).is_file():
        raise UserError(
            f"{str(folder)!r} holds no training: there is no {RUN}/{_run.NAME}. "
            "Give the --out of `convatlas train`."
        )
    settings = _json(run / _run.NAME)
    if settings is None:
        raise UserError(f"{str(run / _run.NAME)!r} cannot be read. Is it cut off?")
    entries = _lines(run / _log.NAME)
    other = ("training", "validation")
    pace = {line["step"]: line for line in read_pace(run) if "step" in line}
    return Record(
        folder=folder,
        settings=settings,
        history=tuple(e for e in entries if e["kind"] == "training"),
        validation=tuple(e for e in entries if e["kind"] == "validation"),
        events=tuple(e for e in entries if e["kind"] not in other),
        pace=tuple(pace[step] for step in sorted(pace)),
        result=_json(folder / "result.json"),
        diverged=_json(run / _diverged.FILE),
        defaults=Recipe().as_dict(),
        places=_places(settings),
    )


def _places(settings: Mapping[str, Any]) -> Mapping[str, str]:
    from convatlas.training.recipes import find

    try:
        recipe = find(str(settings.get("recipe", {}).get("name")))
    except UnknownName:
        return {}
    return recipe.places if isinstance(recipe, NamedRecipe) else {}


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "kind" in entry and "step" in entry:
            found.append(entry)
    return found
