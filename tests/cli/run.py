"""Running the command line inside the test process: one import of torch for all."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from convatlas.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def convatlas(*arguments: str, code: int = 0) -> Ran:
    """Run the command and demand its exit code."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["convatlas", *arguments]
    found = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as stop:
        found = int(stop.code or 0)
    finally:
        sys.argv = before
    ran = Ran(found, out.getvalue(), err.getvalue())
    assert ran.code == code, f"exit code {ran.code}, expected {code}\n{ran.out}\n{ran.err}"
    return ran
