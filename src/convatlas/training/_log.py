"""`log.jsonl`: one line for every interval and every validation, each step once."""

import json
import os
from pathlib import Path
from typing import Any

from convatlas.errors import UserError

NAME = "log.jsonl"


class Log:
    """The log of a run, cut back to `offset` bytes: what a checkpoint has seen.

    Lines up to there that cannot be read (the file was edited) are counted in `unreadable`.
    """

    def __init__(self, run: Path, offset: int) -> None:
        self._path = run / NAME
        self._file = self._path.open("a+b", buffering=0)
        self._file.truncate(min(offset, self._file.seek(0, os.SEEK_END)))
        self._file.seek(0)
        lines = self._file.readall().splitlines()
        self.entries = [entry for line in lines if (entry := _entry(line)) is not None]
        self.unreadable = len(lines) - len(self.entries)

    @property
    def offset(self) -> int:
        """Length of the file in bytes."""
        return self._file.seek(0, os.SEEK_END)

    def append(self, kind: str, values: dict[str, Any]) -> None:
        """Write one line."""
        entry = {"kind": kind, **values}
        line = (json.dumps(entry) + "\n").encode()
        try:
            written = self._file.write(line)
        except OSError as error:
            raise self._failed(error.strerror) from error
        if written != len(line):
            raise self._failed("no space left")
        self.entries.append(entry)

    def flush(self) -> None:
        """Put every line on disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error.strerror) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def of(self, kind: str) -> tuple[dict[str, Any], ...]:
        """The entries of one kind, in order."""
        return tuple(
            {k: v for k, v in entry.items() if k != "kind"}
            for entry in self.entries
            if entry["kind"] == kind
        )

    def _failed(self, reason: str | None) -> UserError:
        return UserError(
            f"Cannot write {str(self._path)!r}: {reason}. The last checkpoint is whole: "
            "free some space and run again to go on from it."
        )


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("kind"), str) else None
