"""Which learning rate: a short run whose rate rises from far too low to far too high.

Source: Smith, arXiv:1506.01186, section 3.3 (the range test). The rates rise in equal ratios, as in
later practice, and the suggestion is where the loss falls most steeply.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convatlas.data import Progress
from convatlas.errors import UserError
from convatlas.files import locked
from convatlas.training._account import account
from convatlas.training._batches import Batches, prefetched
from convatlas.training._fresh import fresh, planned
from convatlas.training._learner import Learner
from convatlas.training._loop import weights_of
from convatlas.training._plan import Plan, refuse_unknown
from convatlas.training._surroundings import borrowed

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson

_STEPS, _LEAST = 150, 30
_RANGES = {"sgd": (1e-4, 10.0), "sgd_inside": (1e-4, 10.0)}
_OTHERS = (1e-6, 1.0)  # optimizers that divide by the gradient's size
_EXPLODED = 4.0  # times the lowest loss so far
_PATIENT = 10  # steps before a loss can explode
_NEWEST = 0.1  # share of a step in the mean that is watched for explosion
_WIDTH = 0.04  # of the bell that smooths the curve, as a share of the test
RULE = (
    "where the loss, smoothed over 4 % of the test, falls most steeply against the logarithm of "
    "the rate; range test: Smith, arXiv:1506.01186, section 3.3"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTest:
    """The loss at rising learning rates, and what follows from it."""

    net: str
    recipe: str
    optimizer: str
    batch_size: int
    recipe_rate: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]  # before the step of that rate
    smoothed: tuple[float, ...]
    suggested: float | None  # None: the loss never fell
    lowest: float  # rate at the lowest smoothed loss: above it training gets worse
    ended: str  # why it ended

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "rule": RULE}


def find_rate(
    lesson: "Lesson", out: Path, *, progress: Progress, say: Callable[[str], None]
) -> RateTest:
    """Train for some 150 steps (or --steps) at rising rates, by everything else in the recipe.

    It ends early when the loss has risen to four times its lowest. Only decoded images are left
    in `out`.

    Raises:
        UserError: for a length in epochs or time, or fewer than 30 steps.
    """
    refuse_unknown(lesson)
    if lesson.epochs is not None or lesson.max_seconds is not None:
        raise UserError("--find-rate is as long as --steps says. Leave the other length away.")
    if lesson.steps is not None and lesson.steps < _LEAST:
        raise UserError(f"--steps {lesson.steps}: --find-rate needs {_LEAST} or more.")
    lesson = replace(lesson, steps=lesson.steps or _STEPS)
    with locked(out):
        plan = planned(lesson, out, progress=progress, say=say)
    say(account(lesson, plan))
    low, high = _RANGES.get(plan.recipe.optimizer, _OTHERS)
    say(f"rates from {low:g} to {high:g}")
    rates = np.geomspace(low, high, plan.recipe.steps)
    return _test(plan, lesson, rates, _losses(plan, lesson, rates, progress))


def _test(
    plan: Plan, lesson: "Lesson", rates: npt.NDArray[np.float64], losses: list[float]
) -> RateTest:
    recipe = plan.recipe
    smoothed = smooth(np.array(losses), max(1.0, _WIDTH * recipe.steps))
    done = rates[: len(losses)]
    return RateTest(
        net=lesson.variant,
        recipe=recipe.name,
        optimizer=recipe.optimizer,
        batch_size=recipe.batch_size,
        recipe_rate=recipe.learning_rate,
        rates=tuple(done.tolist()),
        losses=tuple(losses),
        smoothed=tuple(smoothed.tolist()),
        suggested=steepest(done, smoothed),
        lowest=float(done[int(np.argmin(smoothed))]),
        ended="the highest rate" if len(losses) == len(rates) else "the loss exploded",
    )


def _losses(
    plan: Plan, lesson: "Lesson", rates: npt.NDArray[np.float64], progress: Progress
) -> list[float]:
    recipe, pixels = plan.recipe, plan.pixels("train")
    with borrowed(lesson.computing, seed=recipe.seed):
        learner = Learner(
            fresh(lesson, plan),
            recipe,
            class_weights=weights_of(recipe, pixels, plan.spec.num_classes),
            teacher=plan.teacher,
        )
        batches = Batches(pixels, plan.preprocessing, recipe)
        return risen(learner, batches, rates, progress)


def risen(
    learner: Learner, batches: Batches, rates: npt.NDArray[np.float64], progress: Progress
) -> list[float]:
    """The loss before the step of each rate, up to an explosion.

    Raises:
        UserError: if there are hardly any, because the loss is not finite.
    """
    found: list[float] = []
    mean, weight, lowest = 0.0, 0.0, float("inf")
    with prefetched(batches.make, range(len(rates))) as made:
        for step, batch in enumerate(made):
            loss = learner.backward(step, batch.images, batch.labels)
            mean += _NEWEST * (loss - mean)
            weight += _NEWEST * (1 - weight)
            if not isfinite(loss) or (step >= _PATIENT and mean / weight > _EXPLODED * lowest):
                break
            found.append(loss)
            lowest = min(lowest, mean / weight)
            learner.move(step, float(rates[step]))
            progress("rising rates", step + 1, len(rates))
    progress("rising rates", len(rates), len(rates))
    if len(found) < _PATIENT:
        raise UserError(
            f"The loss was not finite after {len(found)} steps, at a learning rate of "
            f"{rates[len(found)]:.2g}. Try --overfit 64 first: the net or the images are at fault."
        )
    return found


def smooth(values: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """The mean around each value, weighed by a bell of this standard deviation (in steps).

    Symmetric, so that it moves nothing to higher rates; at the ends the bell is cut and weighed
    anew.
    """
    places = np.arange(len(values))
    weights = np.exp(-0.5 * ((places[:, None] - places[None, :]) / width) ** 2)
    return (weights @ values) / weights.sum(axis=1)


def steepest(rates: npt.NDArray[np.float64], losses: npt.NDArray[np.float64]) -> float | None:
    """The rate where `losses` fall most steeply per decade; None where they never fall."""
    slopes = np.gradient(losses, np.log10(rates))
    place = int(np.argmin(slopes))
    return float(rates[place]) if slopes[place] < 0 else None
