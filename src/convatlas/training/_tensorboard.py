"""A run's curves for TensorBoard, each point once however often the run is taken up again."""

import json
from pathlib import Path
from typing import Any

from convatlas.training._event_file import EventFile
from convatlas.training._log import NAME
from convatlas.training._monitor import Status


class TensorBoard:
    """Writes the lines of a run's log to event files in `folder`.

    Taken up again, a run repeats the lines since its checkpoint; having gone back, it stands at an
    earlier step. Either way a new file begins, which voids what readers have from that step on,
    and the log says what belongs there.
    """

    def __init__(self, folder: Path, run: Path) -> None:
        self._folder = folder
        self._log = run / NAME
        self._file: EventFile | None = None
        self._step = -1
        self._status: Status | None = None

    def status(self, status: Status) -> None:
        """Speed and memory, written with the next line of the log."""
        self._status = status

    def entry(self, kind: str, values: dict[str, Any]) -> None:
        """Write a line of the log.

        Raises:
            UserError: if it cannot be written.
        """
        step = int(values["step"])
        if self._file is None or step < self._step:
            self._begin(step)
        else:
            self._add(self._file, kind, values)
        self._step = step

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self, step: int) -> None:
        """A new file with what the log has from `step` on: the line just written is among it."""
        self.close()
        known = self._folder.is_dir() and any(self._folder.iterdir())
        self._file = EventFile(self._folder, from_step=step if known else None)
        for line in self._log.read_bytes().splitlines():
            entry = json.loads(line)
            if not known or entry["step"] >= step:
                self._add(self._file, entry["kind"], entry)

    def _add(self, file: EventFile, kind: str, values: dict[str, Any]) -> None:
        scalars = {}
        if kind == "training":
            scalars = {"training/learning_rate": values["learning_rate"]}
            if values["loss"] is not None:
                scalars["training/loss"] = values["loss"]
            if self._status is not None:  # the newest, at most half a second old
                scalars["pace/images_per_s"] = self._status.images_per_s
                scalars["pace/wait_share"] = self._status.wait_share
                scalars["memory/peak_bytes"] = self._status.memory_bytes
        elif kind == "validation":
            scalars = {"validation/accuracy": values["accuracy"], "validation/loss": values["loss"]}
        if scalars:
            file.add(int(values["step"]), scalars)
