"""Recipes as rows of tables and as JSON."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convatlas.training.recipes import Described, Difference, Value


def row(recipe: "Described") -> list[str]:
    """A recipe's row in the list of recipes."""
    return [
        recipe.name,
        nets(recipe),
        "" if recipe.epochs is None else f"{recipe.epochs:g}",
        f"{recipe.recipe.batch_size:,}",
        recipe.optimizer,
        f"{recipe.recipe.learning_rate:g}",
        recipe.schedule,
        recipe.paper.key if recipe.paper else "ours",
    ]


def nets(recipe: "Described") -> str:
    """The first net that a recipe was made for, and how many more."""
    if not recipe.nets:
        return "any"
    more = len(recipe.nets) - 1
    return recipe.nets[0] + (f" and {more} more" if more else "")


def about(recipe: "Described") -> list[list[str]]:
    """What a recipe is and is for."""
    rows = []
    if paper := recipe.paper:
        rows.append(["paper", f"{paper.title}. {paper.venue}. {paper.link}"])
    rows.append(["nets", ", ".join(recipe.nets) or "any"])
    if recipe.sides:
        rows.append(["input", f"{recipe.sides[0]} to {recipe.sides[1]} pixels a side"])
    if recipe.requires:
        rows.append(["needs", ", ".join(recipe.requires)])
    return [
        *rows,
        ["optimizer", recipe.optimizer],
        ["rate", f"{recipe.recipe.learning_rate:g}, {recipe.schedule}"],
        ["command", recipe.command],
    ]


def value_rows(recipe: "Described") -> list[list[str]]:
    """Every value of a recipe."""
    return [
        [v.field, shown(v.value), "default" if v.is_default else "", v.place] for v in recipe.values
    ]


def difference_row(found: "Difference") -> list[str]:
    """A field in which two recipes differ, both values and their places."""
    pair = (found.first, found.second)
    return [
        found.field,
        *("" if v is None else shown(v.value) for v in pair),
        *("" if v is None else v.place for v in pair),
    ]


def shown(value: Any) -> str:
    """A value for people: four digits of a number, "none" for what is not there."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return ", ".join(shown(part) for part in value) or "none"
    return "none" if value is None else str(value)


def summary(recipe: "Described") -> dict[str, Any]:
    """A recipe in the list of recipes, as JSON."""
    paper = recipe.paper
    return {
        "name": recipe.name,
        "about": recipe.about,
        "paper": paper.key if paper else None,
        "link": paper.link if paper else None,
        "nets": list(recipe.nets),
        "epochs": recipe.epochs,
        "batch_size": recipe.recipe.batch_size,
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.recipe.learning_rate,
        "schedule": recipe.schedule,
        "follows_data": recipe.follows_data,
    }


def whole(recipe: "Described") -> dict[str, Any]:
    """Everything a recipe says, as JSON that `--recipe FILE.json` reads."""
    return {
        **summary(recipe),
        "sides": list(recipe.sides) if recipe.sides else None,
        "requires": list(recipe.requires),
        "values": [_json(value) for value in recipe.values],
        "departs": list(recipe.departs),
        "command": recipe.command,
        "recipe": replace(recipe.recipe, name=recipe.name).as_dict(),
    }


def difference(found: "Difference") -> dict[str, Any]:
    """A field in which two recipes differ, as JSON."""
    return {
        "field": found.field,
        "first": _json(found.first),
        "second": _json(found.second),
    }


def _json(value: "Value | None") -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "field": value.field,
        "value": value.value,
        "default": value.is_default,
        "place": value.place,
    }
