"""`pace.jsonl`: how fast a run went; `log.jsonl` holds no times, its bytes come out the same."""

import json
from pathlib import Path
from typing import Any

from convatlas.errors import UserError

NAME = "pace.jsonl"


class PaceLog:
    """Lines that are appended and never taken back: steps done twice are there twice."""

    def __init__(self, run: Path) -> None:
        self._path = run / NAME

    def append(self, values: dict[str, Any]) -> None:
        """Write one line."""
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write((json.dumps(values) + "\n").encode())
        except OSError as error:
            raise UserError(
                f"Cannot write {str(self._path)!r}: {error.strerror}. The last checkpoint is "
                "whole: free some space and run again to go on from it."
            ) from error


def read_pace(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's `pace.jsonl`; none if there is no such file, torn ones are left out."""
    try:
        lines = (run / NAME).read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
