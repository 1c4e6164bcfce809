"""A recipe as rows: each value with whether it is the default and where it is stated."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from convatlas import models
from convatlas.data import Augmentation
from convatlas.facts import Paper
from convatlas.training._named import Length, NamedRecipe, Situation
from convatlas.training._recipe import Recipe
from convatlas.training.recipes._find import AnyRecipe, FileRecipe

_OF_THE_RUN = ("name", "steps", "seed", "augmentation")  # fields that a run decides, or that unfold
_EXAMPLE = Situation(
    variant="a net with norms",
    side=32,
    images=10_000,
    classes=10,
    has=frozenset({"norms"}),
    augmentation=Augmentation(),
)
EXAMPLE = "Its values follow the data; these are for a net with norms, 10,000 images, 10 classes."
_OPTIMIZERS = {
    "sgd": "SGD",
    "sgd_inside": "SGD, rate inside",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "adamw": "AdamW",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a recipe."""

    field: str
    value: Any
    is_default: bool
    place: str  # where the paper states it; empty where it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A recipe and all its values."""

    name: str
    about: str
    recipe: Recipe  # at its own batch size
    values: tuple[Value, ...]
    paper: Paper | None = None
    nets: tuple[str, ...] = ()  # variants it was made for, those of its first pattern first
    sides: tuple[int, int] | None = None  # of the input, smallest and largest; None: any
    requires: tuple[str, ...] = ()
    epochs: float | None = None
    departs: tuple[str, ...] = ()
    follows_data: bool = False  # the values are those of an example

    @property
    def optimizer(self) -> str:
        """The optimizer in words."""
        momentum = " with Nesterov" if self.recipe.nesterov else ""
        return _OPTIMIZERS[self.recipe.optimizer] + momentum * (self.recipe.optimizer == "sgd")

    @property
    def schedule(self) -> str:
        """The schedule in words, in epochs where the recipe has some."""
        return schedule_in_words(self.recipe, self.epochs)

    @property
    def command(self) -> str:
        """A command that trains by it."""
        net = self.nets[0] if self.nets else "NET"
        return f"convatlas train DATA --net {net} --recipe {self.name} --out DIR"


def described(found: AnyRecipe) -> Described:
    """What a recipe says; one whose values follow the data is described by an example."""
    if isinstance(found, FileRecipe):
        return Described(
            name=found.name,
            about=found.about,
            epochs=found.epochs,
            recipe=found.recipe,
            values=tuple(_values(found.recipe, {})),
        )
    if not isinstance(found, NamedRecipe):
        recipe = found.plan(_EXAMPLE, Length())
        return Described(
            name=found.name,
            about=found.about,
            recipe=recipe,
            values=tuple(_values(recipe, {})),
            follows_data=True,
        )
    own = {"epochs": found.epochs, "scaling": found.scaling, **found.spec}
    first = [
        Value(field=name, value=value, is_default=False, place=found.places.get(name, ""))
        for name, value in own.items()
    ]
    return Described(
        name=found.name,
        about=found.about,
        paper=found.paper,
        nets=tuple(_variants(found.nets)),
        sides=found.sides,
        requires=tuple(sorted(found.requires)),
        epochs=found.epochs,
        recipe=found.recipe,
        values=(*first, *_values(found.recipe, found.places)),
        departs=found.departs,
    )


def _values(recipe: Recipe, places: Mapping[str, str]) -> list[Value]:
    """All fields of a recipe and of its augmentation but those that a run decides."""
    own = [f for f in fields(Recipe) if f.name not in _OF_THE_RUN]
    changes = fields(Augmentation)
    rows = [(f, getattr(recipe, f.name), f.default) for f in own]
    rows += [(f, getattr(recipe.augmentation, f.name), f.default) for f in changes]
    return [
        Value(field=f.name, value=value, is_default=value == default, place=places.get(f.name, ""))
        for f, value, default in rows
    ]


def _variants(patterns: tuple[str, ...]) -> list[str]:
    """Variants that match, in the order of the patterns."""
    found = [
        variant
        for pattern in patterns
        for variant in models.variants()
        if fnmatchcase(variant, pattern)
    ]
    return list(dict.fromkeys(found))


def schedule_in_words(recipe: Recipe, epochs: float | None) -> str:
    """How the learning rate goes: "/10 at epochs 30, 60"; shares of the run without epochs."""
    words = _falling(recipe, epochs)
    if recipe.warmup_share:
        words += f", warm-up {_time(recipe.warmup_share, epochs)}"
    return words


def _falling(recipe: Recipe, epochs: float | None) -> str:
    factor = f"x{recipe.decay_factor:.3g}"
    if abs(recipe.decay_factor - 0.1) < 1e-9:
        factor = "/10"
    if recipe.schedule == "steps":
        if not epochs:
            return f"{factor} at {', '.join(f'{share:.0%}' for share in recipe.milestones)}"
        times = ", ".join(f"{share * epochs:.4g}" for share in recipe.milestones)
        return f"{factor} at epoch{'s' * (len(recipe.milestones) > 1)} {times}"
    if recipe.schedule == "exponential":
        return f"{factor} every {_time(recipe.decay_every, epochs)}"
    if recipe.schedule == "polynomial":
        return f"to 0 by power {recipe.power:g}"
    if recipe.schedule == "plateau":
        return f"{factor} on plateau, at most {recipe.decays} times"
    return {"cosine": "cosine to 0", "linear": "linear to 0", "constant": "constant"}[
        recipe.schedule
    ]


def _time(share: float, epochs: float | None) -> str:
    if not epochs:
        return f"{share:.0%}"
    number = f"{share * epochs:.3g}"
    return "1 epoch" if number == "1" else f"{number} epochs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which two recipes differ; None where one of them has no such field."""

    field: str
    first: Value | None
    second: Value | None


def differences(first: Described, second: Described) -> list[Difference]:
    """Every field whose values differ, in the order of the recipes' fields."""
    ours = {row.field: row for row in first.values}
    theirs = {row.field: row for row in second.values}
    return [
        Difference(field=name, first=ours.get(name), second=theirs.get(name))
        for name in dict.fromkeys((*ours, *theirs))
        if name not in ours or name not in theirs or ours[name].value != theirs[name].value
    ]
