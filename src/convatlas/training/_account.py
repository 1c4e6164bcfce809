"""What will be trained and why so, in a line for people."""

from typing import TYPE_CHECKING

from convatlas.training._named import NamedRecipe
from convatlas.training._plan import Plan
from convatlas.training.recipes import find
from convatlas.training.recipes._find import FileRecipe

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson

_CHANGES = 4  # that a line names


def account(lesson: "Lesson", plan: Plan) -> str:
    """Recipe, rate, batch and steps of a lesson's plan, with what each follows from."""
    made, spec = plan.recipe, plan.spec
    images = len(plan.material.dataset.train)
    epochs = made.steps * made.batch_size / images
    return (
        f"{lesson.variant} at {spec.input_side}x{spec.input_side} by recipe {made.name}"
        f"{_set(lesson)}: {rate_rule(lesson, plan)}; {made.steps:,} steps of {made.batch_size} "
        f"images, {epochs:.3g} epochs of {images:,}, {length_rule(lesson)}"
    )


def rate_rule(lesson: "Lesson", plan: Plan) -> str:
    """The learning rate and the rule it comes from, as "0.1 at batch 256 -> 0.05, linear"."""
    made = plan.recipe
    rate, asked = f"{made.learning_rate:.4g}", find(lesson.recipe)
    if "learning_rate" in lesson.changes:
        return f"learning rate {rate}, as set"
    if isinstance(asked, FileRecipe):
        return f"learning rate {rate}, the file's at any batch"
    if not isinstance(asked, NamedRecipe):
        return f"learning rate {rate} at batch {made.batch_size}, which follows data and net"
    own = asked.recipe
    stated = f"learning rate {own.learning_rate:.4g} at batch {own.batch_size}"
    if made.batch_size == own.batch_size:
        return f"{stated}, as the recipe states it"
    rule = {"none": "not scaled"}.get(asked.scaling, asked.scaling)
    return f"{stated} -> {rate} at batch {made.batch_size}, {rule}"


def length_rule(lesson: "Lesson") -> str:
    """What the number of steps follows from."""
    if lesson.max_seconds is not None:
        return f"as many as fit {lesson.max_seconds:,.0f} s by the measured pace"
    if lesson.steps is not None or lesson.epochs is not None:
        return "as asked"
    return "the recipe's length"


def _set(lesson: "Lesson") -> str:
    names = [f"{name}={value}" for name, value in lesson.changes.items() if name != "learning_rate"]
    if not names:
        return ""
    more = f" and {len(names) - _CHANGES} more" if len(names) > _CHANGES else ""
    return f" with {', '.join(names[:_CHANGES])}{more}"
