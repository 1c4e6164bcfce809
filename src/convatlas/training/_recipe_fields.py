"""What the fields of a recipe may hold."""

from collections.abc import Sequence
from math import inf
from typing import Any, Literal, get_args

from convatlas.errors import UserError

Sampler = Literal["shuffled", "balanced"]
# "sgd": torch's, the rate outside the velocity. "sgd_inside": rate and decay inside the velocity
# (AlexNet's section 5, Caffe). "rmsprop": TensorFlow's, epsilon inside the root.
Optimizer = Literal["sgd", "sgd_inside", "adam", "adamw", "rmsprop"]
Norms = Literal["trained", "frozen"]
Initial = Literal["own", "xavier"]
Schedule = Literal["cosine", "steps", "exponential", "linear", "polynomial", "plateau", "constant"]
Warmup = Literal["linear", "constant"]
ClassWeights = Literal["none", "inverse", "effective"]
Average = Literal["ema", "uniform"]
Precision = Literal["float32", "bfloat16"]
Recompute = Literal["none", "stages", "blocks"]
NotFinite = Literal["stop", "skip", "roll_back"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "sampler": get_args(Sampler),
    "optimizer": get_args(Optimizer),
    "norms": get_args(Norms),
    "initial": get_args(Initial),
    "schedule": get_args(Schedule),
    "warmup": get_args(Warmup),
    "class_weights": get_args(ClassWeights),
    "average": get_args(Average),
    "precision": get_args(Precision),
    "recompute": get_args(Recompute),
    "on_not_finite": get_args(NotFinite),
}
_WHOLE: dict[str, tuple[int, int]] = {  # field: smallest and largest value
    "steps": (1, 10**9),
    "batch_size": (1, 2**20),
    "micro_batches": (1, 2**20),
    "seed": (0, 2**32 - 1),
    "patience": (1, 10**6),
    "decays": (0, 100),
    "validations": (1, 10**6),
}
_NUMBERS: dict[str, tuple[float, float]] = {
    "first_side": (0.1, 1.0),
    "full_side_at": (0.0, 1.0),
    "learning_rate": (0.0, 100.0),
    "momentum": (0.0, 0.9999),
    "squares": (0.0, 0.999999),
    "epsilon": (1e-30, 10.0),
    "weight_decay": (0.0, 1.0),
    "decay_spared": (0.0, 1.0),
    "decay_depthwise": (0.0, 1.0),
    "body_rate": (0.0, 1.0),
    "gradient_clip": (1e-6, 1e9),
    "warmup_share": (0.0, 1.0),
    "warmup_start": (0.0, 1.0),
    "decay_factor": (1e-6, 1.0),
    "decay_every": (1e-6, 1.0),
    "power": (0.0, 100.0),
    "label_smoothing": (0.0, 0.9),
    "auxiliary_weight": (0.0, 10.0),
    "mixup": (0.0, 100.0),
    "cutmix": (0.0, 100.0),
    "distillation": (0.0, 1.0),
    "temperature": (0.1, 100.0),
    "group_lasso": (0.0, 1.0),
    "ema_decay": (0.0, 0.999999),
    "average_from": (0.0, 0.999999),
}
_SWITCHES = ("nesterov", "sync_norms")
_OPTIONAL = ("gradient_clip", "decay_depthwise")


def checked(name: str, value: Any) -> Any:
    """`value` as field `name` of a recipe holds it.

    Raises:
        UserError: if the field cannot hold it; the message says what it can.
    """
    if value is None and name in _OPTIONAL:
        return None
    if name in _CHOICES:
        if not isinstance(value, str) or value not in _CHOICES[name]:
            raise UserError(
                f"{name}={value!r} of a recipe is not one of {', '.join(_CHOICES[name])}."
            )
        return value
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise UserError(f"{name}={value!r} of a recipe is not true or false.")
        return value
    if name == "milestones":
        return _milestones(value)
    return _whole(name, value) if name in _WHOLE else _number(name, value)


def _number(name: str, value: Any) -> float:
    low, high = _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(
            f"{name}={value!r} of a recipe is not a number from {low:g} to {high:g}. "
            f"Give {name} a value in that range."
        )
    return float(value)


def _whole(name: str, value: Any) -> int:
    low, high = _WHOLE[name]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(
            f"{name}={value!r} of a recipe is not a whole number from {low:g} to {high:g}. "
            f"Give {name} a value in that range."
        )
    return value


def _milestones(value: Any) -> tuple[float, ...]:
    fits = isinstance(value, Sequence) and not isinstance(value, str)
    numbers = [x for x in value if isinstance(x, int | float)] if fits else []
    before = [-inf, *numbers][: len(numbers)]
    rising = all(a < b for a, b in zip(before, numbers, strict=True))
    if not fits or len(numbers) != len(value) or not rising or not all(0 < x < 1 for x in numbers):
        raise UserError(
            f"milestones={value!r} of a recipe are not shares of the run in rising order. "
            "Give numbers above 0 and below 1, as [0.5, 0.75]."
        )
    return tuple(float(x) for x in numbers)
