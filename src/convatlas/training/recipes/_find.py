"""Finding recipes: a file in this folder that ends in `RECIPES` is found by being there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from convatlas.errors import UnknownName, UserError
from convatlas.training._named import Length, Situation, steps_of
from convatlas.training._recipe import Recipe

_MOST_BYTES = 1 << 20
_MOST_EPOCHS = 1_000_000


class AnyRecipe(Protocol):
    """What every recipe can do, whether its values are a paper's or follow the data."""

    @property
    def name(self) -> str:
        """What `--recipe` calls it."""

    @property
    def about(self) -> str:
        """One line for people."""

    @property
    def measures_precision(self) -> bool:
        """Whether it takes the precision that is measured to be faster, unless told otherwise."""

    def suits(self, variant: str) -> bool:
        """Whether it was made for a variant."""

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """The recipe for a net and images, of that length.

        Raises:
            UserError: if they do not fit each other.
        """


@cache
def _all() -> Mapping[str, AnyRecipe]:
    package = import_module("convatlas.training.recipes")
    modules = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    found = [
        recipe
        for module in modules
        for recipe in import_module(f"convatlas.training.recipes.{module}").RECIPES
    ]
    return {recipe.name: recipe for recipe in found}


def names() -> list[str]:
    """Every recipe's name, in alphabetical order."""
    return sorted(_all())


def find(name: str) -> AnyRecipe:
    """The recipe called `name`, or the one in a file of that name that ends in .json.

    Raises:
        UnknownName: with the nearest names.
    """
    if name.endswith(".json"):
        return read_recipe(Path(name))
    if name not in _all():
        raise UnknownName("recipe", name, _all(), "`convatlas recipes`")
    return _all()[name]


def made_for(variant: str) -> list[str]:
    """Names of the recipes that were made for a variant, in alphabetical order."""
    return [name for name in names() if _all()[name].suits(variant)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecipe:
    """A recipe that somebody wrote to a file: its own length, batch size and rate count."""

    name: str
    recipe: Recipe
    epochs: float | None = None  # None: the recipe's steps
    about: str = "from a file"
    measures_precision: bool = False

    def suits(self, variant: str) -> bool:
        """Any net: who wrote it knows."""
        return True

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """The file's recipe, of another length where one is asked for; its rate is not scaled."""
        batch_size = length.batch_size or self.recipe.batch_size
        steps = self.recipe.steps
        if self.epochs is not None or length.epochs is not None or length.steps is not None:
            epochs = self.epochs or 1.0
            steps = steps_of(length, epochs, images=situation.images, batch_size=batch_size)
        return replace(self.recipe, steps=steps, batch_size=batch_size, seed=length.seed)


def read_recipe(path: Path) -> FileRecipe:
    """The recipe in a JSON file, as `convatlas recipes show NAME --json` prints one.

    Raises:
        UserError: if it cannot be read or holds no recipe.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        values = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"Cannot read recipe {str(path)!r}: {error}. Give a JSON file.") from error
    if not isinstance(values, dict):
        raise UserError(f"{str(path)!r} holds no recipe: give an object with a recipe's fields.")
    recipe = Recipe.from_dict(values.get("recipe", values))
    epochs = values.get("epochs") if "recipe" in values else None
    if epochs is not None and not (type(epochs) in (int, float) and 0 < epochs <= _MOST_EPOCHS):
        raise UserError(
            f"epochs={epochs!r} of recipe {str(path)!r} is not a number above 0, at most "
            f"{_MOST_EPOCHS:,}."
        )
    return FileRecipe(name=path.stem, recipe=recipe, epochs=epochs)
