"""`convatlas report`: the page of a finished `convatlas choose`, written again."""

import json
from pathlib import Path
from typing import Annotated

import typer

from convatlas.cli._console import say


def command(
    directory: Annotated[Path, typer.Argument(help="The --out of `convatlas choose`.")],
) -> None:
    """Write report.html from result.json."""
    from convatlas.choosing import Choice
    from convatlas.errors import UserError
    from convatlas.reports import write_report

    stored = directory / "result.json"
    if not stored.exists():
        raise UserError(
            f"{str(stored)!r} does not exist. Give the --out of a finished `convatlas choose`."
        )
    choice = Choice(result=json.loads(stored.read_text()), out=directory)
    path = write_report(choice.result, directory / "report.html", pictures=choice.pictures)
    say(f"report: {path}")
