"""What a recipe asks for and a run cannot give, said before any work is done."""

from collections.abc import Mapping
from typing import Any

import torch

from convatlas.analysis import without_weights
from convatlas.errors import UserError
from convatlas.models import from_spec
from convatlas.training._recipe import Recipe
from convatlas.training._schedule import sides, warmup_steps


def check_schedule(recipe: Recipe, *, validated: bool) -> None:
    """Nothing, if the learning rate can change as the recipe says.

    Args:
        validated: whether there are validation images.

    Raises:
        UserError: for a plateau nobody would see, steps without a place, a rate of 0.
    """
    named = f"of recipe {recipe.name!r}"
    if recipe.schedule == "plateau" and not validated:
        raise UserError(
            f"schedule='plateau' {named} follows the validation error, and there are no validation "
            "images. Give some, or another schedule: --set schedule=cosine."
        )
    if recipe.schedule == "steps" and not recipe.milestones:
        raise UserError(
            f"schedule='steps' {named} has no milestones: the rate would never fall. "
            "Give some, as --set milestones=[0.5,0.75], or schedule='constant'."
        )
    if recipe.warmup == "constant" and recipe.warmup_start == 0 and warmup_steps(recipe):
        raise UserError(
            f"warmup='constant' {named} would train its first {warmup_steps(recipe)} steps at a "
            "learning rate of 0. Set warmup_start above 0, or warmup_share=0."
        )


def check_sides(family: str, spec: Mapping[str, Any], recipe: Recipe) -> None:
    """Nothing, if the net takes every side that the recipe shows it, with its auxiliary heads.

    Raises:
        UserError: for a side that it cannot take.
    """
    smaller = [side for side in sides(recipe, spec["input_side"]) if side != spec["input_side"]]
    if not smaller:
        return
    with without_weights():
        net = from_spec(family, spec).eval()
    heads = getattr(net, "forward_with_aux", None) if recipe.auxiliary_weight else None
    for side in smaller:
        shape = (2, spec["in_channels"], side, side)
        try:
            with torch.no_grad():
                (heads or net)(torch.empty(shape, device="meta"))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"first_side={recipe.first_side:g} of recipe {recipe.name!r} shows images of "
                f"{side} pixels a side, which this net made for {spec['input_side']} cannot take "
                f"({error}). Use a larger first_side, or 1."
            ) from error
