"""Answers for many files, shown while they come: nothing grows with their number."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from convatlas.cli._console import print_table, say

Form = Literal["table", "json", "json-lines"]
_SHOWN_FILES = 200  # rows of a table that a person still reads; of more, classes are counted
_SHOWN_REASONS = 20


class Answers:
    """Prints answers in `form`, and writes each as a line of JSON to `save`.

    An answer is what `Classified.as_dict` gives. The table lists up to 200 files; of more it
    counts the classes.
    """

    def __init__(self, form: Form, save: IO[str] | None = None) -> None:
        self._form = form
        self._save = save
        self._first: list[Mapping[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self.total = 0
        self.unread = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        """Take one answer."""
        self.total += 1
        self._count(answer)
        if self._save is not None:
            self._save.write(_line(answer))
        if self._form == "json-lines":
            sys.stdout.write(_line(answer))
        elif self._form == "json":
            text = json.dumps(answer, indent=2, allow_nan=False).replace("\n", "\n  ")
            sys.stdout.write(("[\n  " if self.total == 1 else ",\n  ") + text)

    def end(self) -> None:
        """Print what is left to print."""
        if self._form == "json":
            sys.stdout.write("\n]\n" if self.total else "[]\n")
        elif self._form == "table" and self.total > _SHOWN_FILES:
            rows = [[name, f"{count:,}"] for name, count in self._counts.most_common()]
            print_table(["class", "files"], rows)
            say(f"{self.total:,} files; --json-lines or --save FILE gives the classes of each.")
        elif self._form == "table" and self.total > self.unread:
            print_table(["file", "class", "probability"], _rows(self._first))
        if self.unread > _SHOWN_REASONS:
            say(f"... and {self.unread - _SHOWN_REASONS:,} more that could not be read.")

    def _count(self, answer: Mapping[str, Any]) -> None:
        if answer["error"]:
            self.unread += 1
            if self.unread <= _SHOWN_REASONS:
                say(answer["error"])
        else:
            self._counts[answer["classes"][0]["class"]] += 1
        if self._form == "table" and self.total <= _SHOWN_FILES:
            self._first.append(answer)


@contextmanager
def saved_in(path: Path | None) -> Iterator[IO[str] | None]:
    """The file that answers are saved in, whole in the end or absent."""
    from convatlas.errors import UserError
    from convatlas.files import writing

    if path is None:
        yield None
        return
    if path.suffix != ".jsonl":
        raise UserError(f"--save {str(path)!r} must end in .jsonl: one JSON object for each image.")
    with writing(path) as temporary, temporary.open("w", encoding="ascii") as file:
        yield file


def _line(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, allow_nan=False, separators=(",", ":")) + "\n"


def _rows(answers: list[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each class; the file is named in its first."""
    return [
        ["" if place else row["file"], answer["class"], f"{answer['probability']:.4f}"]
        for row in answers
        for place, answer in enumerate(row["classes"])
    ]
