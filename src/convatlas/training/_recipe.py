"""How a net is trained, as data: everything but the images and the net decides the weights."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from convatlas.data import Augmentation
from convatlas.errors import UnknownName, UserError

Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine"]

_LARGEST_SEED = 2**32 - 1
_LARGEST_COUNT = 10**9
_BOUNDS: dict[str, tuple[float, float]] = {  # field: smallest and largest value
    "learning_rate": (0.0, 100.0),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 1.0),
    "warmup_share": (0.0, 1.0),
    "label_smoothing": (0.0, 0.9),
    "ema_decay": (0.0, 0.999999),
    "gradient_clip": (1e-6, 1e9),
    "group_lasso": (0.0, 1.0),
    "batch_size": (1, 2**20),
    "steps": (1, _LARGEST_COUNT),
    "seed": (0, _LARGEST_SEED),
}
_WHOLE = ("batch_size", "steps", "seed")
_CHOICES = {"optimizer": get_args(Optimizer), "schedule": get_args(Schedule)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the final weights but the net and its images.

    Raises:
        UserError: for a value out of its range; the message says the range.
    """

    name: str = "default"
    optimizer: Optimizer = "sgd"  # "sgd" has Nesterov momentum
    learning_rate: float = 0.1  # the peak, at the end of the warm-up
    momentum: float = 0.9  # of "sgd"; first beta of "adamw"
    weight_decay: float = 5e-4  # not on biases and norms
    batch_size: int = 128
    steps: int = 1000
    warmup_share: float = 0.1  # of the steps: learning rate rises linearly
    schedule: Schedule = "cosine"  # from the peak to 0
    label_smoothing: float = 0.1
    ema_decay: float = 0.99  # of the average of weights that is the result; 0: the last weights
    gradient_clip: float | None = None  # largest norm of all gradients together
    group_lasso: float = 1e-5  # weight of the penalty of layers that condense; others have none
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or len(self.name) > 200:
            raise UserError(f"name={self.name!r} of a recipe is not a text of 1 to 200 letters.")
        for name, choices in _CHOICES.items():
            given = getattr(self, name)
            if not isinstance(given, str) or given not in choices:
                raise UserError(f"{name}={given!r} of a recipe is not one of {', '.join(choices)}.")
        for name in _BOUNDS:
            if name != "gradient_clip" or self.gradient_clip is not None:
                object.__setattr__(self, name, _number(name, getattr(self, name)))
        if not isinstance(self.augmentation, Augmentation):
            raise UserError(
                f"augmentation={self.augmentation!r} of a recipe is not an Augmentation."
            )

    def as_dict(self) -> dict[str, Any]:
        """The recipe as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe that `as_dict` gave; fields left out have their defaults.

        Raises:
            UnknownName: for a field that no recipe has, with the nearest names.
            UserError: for a value out of its range.
        """
        given = _known(values, cls, "recipe")
        if "augmentation" in given and not isinstance(given["augmentation"], Augmentation):
            given["augmentation"] = _augmentation(given["augmentation"])
        return cls(**given)


def _augmentation(values: Any) -> Augmentation:
    given = _known(values, Augmentation, "augmentation")
    try:
        for part in fields(Augmentation):
            if part.name in given:
                _like(part.name, given[part.name], part.default)
        return Augmentation(**given)
    except UserError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"augmentation={values!r} of a recipe cannot be used: {error}.") from error


def _like(name: str, value: Any, default: Any) -> None:
    """A value from a file has the type of the default: a switch, or a finite number."""
    switch = isinstance(default, bool)
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if isinstance(value, bool) != switch or not (switch or (number and math.isfinite(value))):
        kind = "true or false" if switch else "a finite number"
        raise UserError(f"{name}={value!r} of an augmentation is not {kind}.")


def _known(values: Any, kind: type, what: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise UserError(f"{values!r} is not a {what}: give its fields with their values.")
    names = [f.name for f in fields(kind)]
    for name in values:
        if name not in names:
            raise UnknownName(f"{what} field", str(name), names, f"convatlas.training.{what}")
    return dict(values)


def _number(name: str, value: Any) -> int | float:
    low, high = _BOUNDS[name]
    kind = "a whole number" if name in _WHOLE else "a number"
    fits = isinstance(value, int if name in _WHOLE else int | float) and value is not True
    if not fits or value is False or not low <= value <= high:
        raise UserError(
            f"{name}={value!r} of a recipe is not {kind} from {low:g} to {high:g}. "
            f"Give {name} a value in that range."
        )
    return int(value) if name in _WHOLE else float(value)
