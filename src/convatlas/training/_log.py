"""`log.jsonl`: one line for every interval and every validation, each step once.

It holds nothing that a clock measured: a run that was interrupted ends with the same bytes.
"""

import json
import os
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

from convatlas.errors import UserError

NAME = "log.jsonl"


class Log:
    """The log of a run, cut back to `offset` bytes: what a checkpoint has seen.

    Lines up to there that cannot be read (the file was edited) are counted in `unreadable`.
    """

    def __init__(self, file: FileIO | BytesIO, offset: int, name: str) -> None:
        self._file = file
        self._name = name
        self.entries: list[dict[str, Any]] = []
        self.unreadable = 0
        self.cut(offset)

    @classmethod
    def of_run(cls, run: Path, offset: int) -> "Log":
        """The log in a run's folder."""
        path = run / NAME
        return cls(path.open("a+b", buffering=0), offset, str(path))

    @classmethod
    def in_memory(cls, content: bytes) -> "Log":
        """A log with that content which nobody keeps: that of a process that is not the leader."""
        return cls(BytesIO(content), len(content), NAME)

    @property
    def offset(self) -> int:
        """Length in bytes."""
        return self._file.seek(0, os.SEEK_END)

    @property
    def content(self) -> bytes:
        """All lines."""
        self._file.seek(0)
        return self._file.read()

    def cut(self, offset: int) -> None:
        """Take back every line after the first `offset` bytes."""
        self._file.truncate(min(offset, self.offset))
        lines = self.content.splitlines()
        self.entries = [entry for line in lines if (entry := _entry(line)) is not None]
        self.unreadable = len(lines) - len(self.entries)

    def rewrite(self, content: bytes) -> None:
        """Hold `content` instead of what there is."""
        self._file.truncate(0)
        self._write(content)
        self.cut(len(content))

    def append(self, kind: str, values: dict[str, Any]) -> None:
        """Write one line."""
        entry = {"kind": kind, **values}
        self._write((json.dumps(entry) + "\n").encode())
        self.entries.append(entry)

    def _write(self, lines: bytes) -> None:
        self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(lines)
        except OSError as error:
            raise self._failed(error.strerror) from error
        if written != len(lines):
            raise self._failed("no space left")

    def flush(self) -> None:
        """Put every line on disk."""
        if isinstance(self._file, BytesIO):
            return
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

    def events(self) -> tuple[dict[str, Any], ...]:
        """The entries that an ordinary run has none of, with their `kind`."""
        return tuple(e for e in self.entries if e["kind"] not in ("training", "validation"))

    def _failed(self, reason: str | None) -> UserError:
        return UserError(
            f"Cannot write {self._name!r}: {reason}. The last checkpoint is whole: "
            "free some space and run again to go on from it."
        )


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("kind"), str) else None
