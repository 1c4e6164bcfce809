"""The command line: one file per command; each parses, calls a room and prints."""

import sys

import typer

from convatlas.cli import (
    check,
    choose,
    compare,
    cost,
    data,
    evaluate,
    excitation,
    export,
    import_,
    models,
    predict,
    protocols,
    recipes,
    report,
    show,
    time,
    train,
)
from convatlas.errors import UserError

__all__ = ["app", "main"]

app = typer.Typer(
    name="convatlas",
    help="Convolutional image classifiers: the papers' own nets, their cost, and the right one "
    "for your images and device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)
for module in (
    choose,
    train,
    import_,
    evaluate,
    compare,
    protocols,
    predict,
    excitation,
    export,
    report,
    time,
    cost,
    show,
    models,
    check,
):
    app.command(module.__name__.rpartition(".")[2].rstrip("_"))(module.command)
app.add_typer(data.commands, name="data")
app.add_typer(recipes.commands, name="recipes")


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and its exit code."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
