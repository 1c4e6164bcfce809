"""A training as a process that tells each step it has done: `LESSON.json OUT`."""

import json
import sys
from pathlib import Path
from typing import Any

from convatlas.errors import UserError
from convatlas.training import Lesson, Status, teach


class _Teller:
    """Of a run of at most 100 steps, every one on stdout: 7 after the seventh."""

    def entry(self, kind: str, values: dict[str, Any]) -> None:
        """A line of the log."""
        if kind == "training":
            print(values["step"], flush=True)

    def status(self, status: Status) -> None:
        """Said elsewhere."""


def _unheard(*_: object) -> None:
    """What this process does not tell."""


def main() -> int:
    """Train; the exit code of the command line."""
    job, out = map(Path, sys.argv[1:])
    lesson = Lesson(**json.loads(job.read_bytes()))
    try:
        teach(lesson, out, progress=_unheard, say=_unheard, monitor=_Teller())
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
