"""A recipe under a name: the paper's values, where they stand, and how they fit another run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Literal

from convatlas.data import Augmentation
from convatlas.errors import UserError
from convatlas.facts import Paper
from convatlas.training._recipe import Recipe

Scaling = Literal["linear", "square root", "none"]
Requirement = Literal["auxiliary heads", "condensing layers", "norms", "any side"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a recipe is asked for: a net, as far as recipes care, and images."""

    variant: str
    side: int  # of the net's input
    images: int  # to train on
    classes: int
    has: frozenset[Requirement]
    augmentation: Augmentation  # what suits the images


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a run is to be and how large its steps; None leaves it to the recipe."""

    epochs: float | None = None
    steps: int | None = None  # instead of epochs
    batch_size: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecipe:
    """A paper's recipe. `recipe` holds its values at its own batch size; steps come from `epochs`.

    Raises:
        UserError: for a name in `places` that no field has.
    """

    name: str
    about: str  # one line
    paper: Paper | None  # None: our own
    epochs: float
    recipe: Recipe
    scaling: Scaling = "linear"  # of the learning rate with the batch size
    nets: tuple[str, ...]  # patterns of the variants it was made for, the paper's own first
    sides: tuple[int, int] = (32, 1024)  # of the input, smallest and largest
    spec: Mapping[str, Any] = field(default_factory=dict)  # fields of the net's spec it sets
    requires: frozenset[Requirement] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)  # field: where its value is stated
    departs: tuple[str, ...] = ()  # what the source does otherwise, or does not state
    measures_precision: bool = False

    def __post_init__(self) -> None:
        names = {f.name for f in fields(Recipe)} | {f.name for f in fields(Augmentation)}
        names |= {"epochs", *self.spec}
        if strange := set(self.places) - names:
            raise UserError(f"places of recipe {self.name!r} names {sorted(strange)}: no field.")
        object.__setattr__(self, "places", MappingProxyType(dict(self.places)))
        object.__setattr__(self, "spec", MappingProxyType(dict(self.spec)))

    def suits(self, variant: str) -> bool:
        """Whether the recipe was made for a variant."""
        return any(fnmatchcase(variant, pattern) for pattern in self.nets)

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """The recipe for these images: its shape, as long and with steps as large as asked for.

        The learning rate follows the batch size by `scaling`.

        Raises:
            UserError: if the net lacks what the recipe needs, or takes other images.
        """
        self._check(situation)
        batch_size = length.batch_size or self.recipe.batch_size
        steps = steps_of(length, self.epochs, images=situation.images, batch_size=batch_size)
        return replace(
            self.recipe,
            name=self.name,
            steps=steps,
            batch_size=batch_size,
            learning_rate=self.recipe.learning_rate * self._scale(batch_size),
            validations=min(self.recipe.validations, steps),
            seed=length.seed,
        )

    def _scale(self, batch_size: int) -> float:
        ratio = batch_size / self.recipe.batch_size
        return {"linear": ratio, "square root": ratio**0.5, "none": 1.0}[self.scaling]

    def _check(self, situation: Situation) -> None:
        low, high = self.sides
        if not low <= situation.side <= high:
            raise UserError(
                f"Recipe {self.name!r} is for images of {low} to {high} pixels a side; "
                f"{situation.variant} takes {situation.side} here. Give another --side or recipe: "
                f"`convatlas recipes --for {situation.variant}` lists those made for it."
            )
        for need in sorted(self.requires - situation.has):
            raise UserError(
                f"Recipe {self.name!r} needs a net with {need}, and {situation.variant} has none. "
                f"It is made for {', '.join(self.nets)}."
            )


def steps_of(length: Length, epochs: float, *, images: int, batch_size: int) -> int:
    """Steps of a run of `length`, by default of `epochs` passes over the images.

    Raises:
        UserError: if they make none.
    """
    if length.steps is not None:
        return length.steps
    asked = epochs if length.epochs is None else length.epochs
    steps = round(asked * images / batch_size)
    if steps < 1:
        raise UserError(
            f"epochs={asked:g} of {images} training images make no step of "
            f"{batch_size} images. Ask for more epochs or a smaller batch."
        )
    return steps
