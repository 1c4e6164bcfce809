"""The smallest images that a net takes."""

from dataclasses import replace

from convatlas import models
from convatlas.analysis._trace import trace
from convatlas.analysis._weightless import without_weights
from convatlas.errors import UserError
from convatlas.models import Spec

_STEP = 32


def require_fit(variant: str, spec: Spec) -> None:
    """Nothing, when `variant` changed to `spec` can be built and takes images of its side.

    Raises:
        UserError: what does not fit, and the smallest larger side that works, if one does.
    """
    try:
        _fit(variant, spec)
    except UserError as error:
        side = smallest_side(variant, spec)
        if side is None or f"use {side} or more" in str(error).lower():
            raise
        raise UserError(f"{error} The smallest larger side that works is {side}.") from None


def smallest_side(variant: str, spec: Spec) -> int | None:
    """The least side, above the one of `spec`, that `variant` works at; None if it is not found.

    Multiples of 32 are tried first, up to the variant's own side: nets that join maps which were
    halved in different ways may take no other side. Below the first that works, sides that work
    are taken to follow one another.
    """
    fails, own = spec.input_side, models.spec_of(variant).input_side
    round_sides = [side for side in (*range(_STEP, own, _STEP), own) if side > fails]
    works = next((s for s in round_sides if _fits(variant, replace(spec, input_side=s))), None)
    if works is None:
        return None
    fails = max(fails, works - _STEP)
    while works - fails > 1:
        middle = (fails + works) // 2
        if _fits(variant, replace(spec, input_side=middle)):
            works = middle
        else:
            fails = middle
    return works


def _fits(variant: str, spec: Spec) -> bool:
    try:
        _fit(variant, spec)
    except UserError:
        return False
    return True


def _fit(variant: str, spec: Spec) -> None:
    with without_weights():
        net = models.family_of(variant).build(spec)
    trace(net, (spec.in_channels, spec.input_side, spec.input_side))
