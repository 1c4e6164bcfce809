"""`convatlas recipes`: how the papers trained their nets, as data."""

from typing import Annotated

import typer

from convatlas.cli import _recipes
from convatlas.cli._console import JSON_HELP, print_json, print_table

AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
Name = Annotated[str, typer.Argument(help="A recipe's name, or a file that ends in .json.")]
commands = typer.Typer(rich_markup_mode=None)


@commands.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    variant: Annotated[
        str | None, typer.Option("--for", help="Only the recipes made for this variant.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the recipes; `show NAME` tells every value of one, `diff A B` where two differ."""
    if context.invoked_subcommand is not None:
        return
    from convatlas import models
    from convatlas.training.recipes import described, find, made_for, names, why_none

    if variant is not None:
        models.family_of(variant)
    found = [described(find(name)) for name in (made_for(variant) if variant else names())]
    found.sort(key=lambda recipe: not recipe.nets)
    if as_json:
        print_json([_recipes.summary(recipe) for recipe in found])
        return
    columns = ["recipe", "nets", "epochs", "batch", "optimizer", "rate", "schedule", "paper"]
    print_table(columns, [_recipes.row(recipe) for recipe in found])
    if variant and (reason := why_none(variant)):
        print_table(["", ""], [[f"No paper's recipe for {variant}", reason]])


@commands.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Tell every value of a recipe, where its paper states it, and what departs from it.

    With --json it can be written to a file, changed, and given to `train` as --recipe FILE.json.
    """
    from convatlas.training.recipes import EXAMPLE, described, find

    recipe = described(find(name))
    if as_json:
        print_json(_recipes.whole(recipe))
        return
    print_table([recipe.name, recipe.about], _recipes.about(recipe))
    print_table(["field", "value", "", "stated in"], _recipes.value_rows(recipe))
    if recipe.follows_data:
        print_table(["", ""], [["", EXAMPLE]])
    if recipe.departs:
        print_table(["departs from its source"], [[line] for line in recipe.departs])


@commands.command()
def diff(first: Name, second: Name, as_json: AsJson = False) -> None:
    """List the values in which two recipes differ."""
    from convatlas.training.recipes import described, differences, find

    a, b = described(find(first)), described(find(second))
    found = differences(a, b)
    if as_json:
        print_json([_recipes.difference(d) for d in found])
        return
    columns = ["field", a.name, b.name, f"{a.name}: stated in", f"{b.name}: stated in"]
    print_table(columns, [_recipes.difference_row(d) for d in found])
