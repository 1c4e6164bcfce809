"""`convatlas report`: the page of a training or of a finished `convatlas choose`, written again."""

import json
from pathlib import Path
from typing import Annotated

import typer

from convatlas.cli._console import say


def command(
    directory: Annotated[
        Path, typer.Argument(help="The --out of `convatlas train` or `convatlas choose`.")
    ],
) -> None:
    """Write report.html from what the directory holds; a training may be under way."""
    from convatlas.choosing import Choice
    from convatlas.errors import UserError
    from convatlas.reports import write_report, write_training
    from convatlas.training import read_record

    page = directory / "report.html"
    stored = directory / "result.json"
    if (directory / "run" / "run.json").exists():
        path = write_training(read_record(directory), page)
    elif stored.exists():
        choice = Choice(result=json.loads(stored.read_text()), out=directory)
        path = write_report(choice.result, page, pictures=choice.pictures)
    else:
        raise UserError(
            f"{str(stored)!r} does not exist. Give the --out of `convatlas train` or of a finished "
            "`convatlas choose`."
        )
    say(f"report: {path}")
