"""What changes from step to step: the learning rate and the side of the images."""

import math
from collections.abc import Sequence

from convatlas.training._recipe import Recipe


def learning_rate(recipe: Recipe, step: int, *, decays: int = 0) -> float:
    """Learning rate of step 0, 1, ... steps - 1.

    After the warm-up "cosine", "linear" and "polynomial" fall from the highest rate towards 0 at
    the end of the run; the other schedules count their shares from the run's beginning. A linear
    warm-up is above 0 in its first step, and the last step's rate still is, so none is wasted.

    Args:
        decays: how often "plateau" has lowered the rate so far (`plateau_decays`).
    """
    warm = warmup_steps(recipe)
    if step < warm:
        return recipe.learning_rate * _warming(recipe, step, warm)
    share = (step - warm) / (recipe.steps - warm)
    if recipe.schedule == "cosine":
        factor = 0.5 * (1.0 + math.cos(math.pi * share))
    elif recipe.schedule == "linear":
        factor = 1 - share
    elif recipe.schedule == "polynomial":
        factor = (1 - share) ** recipe.power
    elif recipe.schedule == "steps":
        factor = recipe.decay_factor ** _reached(recipe, step)
    elif recipe.schedule == "exponential":
        factor = recipe.decay_factor ** math.floor(step / recipe.steps / recipe.decay_every + 1e-9)
    elif recipe.schedule == "plateau":
        factor = recipe.decay_factor**decays
    else:
        factor = 1.0
    return recipe.learning_rate * factor


def warmup_steps(recipe: Recipe) -> int:
    """Steps of the warm-up."""
    return round(recipe.warmup_share * recipe.steps)


def _warming(recipe: Recipe, step: int, warm: int) -> float:
    start = recipe.warmup_start
    if recipe.warmup == "constant":
        return start
    return start + (1 - start) * (step + 1) / warm


def _reached(recipe: Recipe, step: int) -> int:
    """Milestones that lie at or before a step."""
    return sum(step >= round(share * recipe.steps) for share in recipe.milestones)


def plateau_decays(recipe: Recipe, errors: Sequence[float]) -> int:
    """How often "plateau" lowers the rate after validations with these `errors`, in order.

    Once `patience` validations in a row have found no error below the lowest before them, the rate
    is lowered and the count begins anew.
    """
    lowest, waited, decays = math.inf, 0, 0
    for error in errors:
        waited = 0 if error < lowest else waited + 1
        lowest = min(lowest, error)
        if waited >= recipe.patience and decays < recipe.decays:
            decays, waited = decays + 1, 0
    return decays


def side_at(recipe: Recipe, step: int, side: int) -> int:
    """Side of the images of a step, for a net that takes `side`: even below the full one."""
    end = recipe.full_side_at * recipe.steps
    if recipe.first_side == 1.0 or step >= end:
        return side
    share = recipe.first_side + (1 - recipe.first_side) * step / end
    return min(side, max(2, 2 * round(share * side / 2)))


def sides(recipe: Recipe, side: int) -> tuple[int, ...]:
    """Every side that a run shows a net that takes `side`, rising."""
    first = side_at(recipe, 0, side)
    return (*(s for s in range(first, side) if s % 2 == 0), side)


def mean_area(recipe: Recipe, side: int) -> float:
    """Mean share of the full images' area over a run: about the share of the time, too."""
    return sum((side_at(recipe, i, side) / side) ** 2 for i in range(recipe.steps)) / recipe.steps
