"""The best accuracy for little time on a CPU: `convatlas train DATA --net NET --recipe fast`.

What it changes of `small-data`: bfloat16 where a measurement says that it is faster; images that
begin small, where a step costs less, and reach their full side when the rate is already falling; a
rate that rises for a fifth of the run and falls in a line; only two validations. Accuracy by time,
as far as it is measured, is in docs/fast_recipe.md; what each change brings alone is still to be
measured (`benchmarks/fast_recipe.py ablate`).
"""

from dataclasses import dataclass, replace

from convatlas.training._named import Length, Situation
from convatlas.training._recipe import Recipe
from convatlas.training.recipes.small_data import SmallData

_LEAST_SIDE = 24  # smaller images lose what they show


@dataclass(frozen=True, slots=True)
class Fast:
    """`small-data` with what makes it faster; follows the data and the net."""

    name: str = "fast"
    about: str = "Ours, for the best accuracy in minutes on a CPU: images that begin small."
    measures_precision: bool = True

    def suits(self, variant: str) -> bool:
        """Any net."""
        return True

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """The recipe for these images; nets bound to one side see the full side all the time."""
        made = SmallData().plan(situation, length)
        grows = "any side" in situation.has and situation.side >= _LEAST_SIDE
        return replace(
            made,
            name=self.name,
            first_side=0.6 if grows else 1.0,
            full_side_at=0.7 if grows else 1.0,
            schedule="linear" if "norms" in situation.has else made.schedule,
            warmup_share=max(0.2, made.warmup_share),
            validations=min(2, made.steps),
        )


RECIPES = (Fast(),)
