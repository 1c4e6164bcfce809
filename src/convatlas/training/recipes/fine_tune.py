"""A recipe for a net that was trained before: `--from BUNDLE`, where it is the default.

Tried with 10, 50 and 250 images a class of CIFAR-10 (docs/transfer.md has the table): norms that
go on learning were never behind frozen ones, so they are trained; the body at a tenth to a third of
the classifier's rate did as well as each other and better than at the full rate. LeNet-5, which has
no norms, did best at the same rate of three (0.05, 0.015, 0.005; 50 images a class).
"""

from dataclasses import dataclass, replace

from convatlas.training._named import Length, Situation, steps_of
from convatlas.training._recipe import Recipe

_BATCH = 32
_RATE = 0.05  # at that batch
_LEAST_STEPS, _MOST_EPOCHS, _LEAST_EPOCHS = 400, 50.0, 5.0
_AVERAGED_SHARE = 20  # the average reaches back over about a twentieth of the steps


@dataclass(frozen=True, slots=True)
class FineTune:
    """Values that follow the number of images per class."""

    name: str = "fine-tune"
    about: str = "Ours, for a net that starts from trained weights: the body learns more slowly."
    measures_precision: bool = False

    def suits(self, variant: str) -> bool:
        """Any net."""
        return True

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """A recipe that moves trained weights no further than the images can say."""
        batch_size = length.batch_size or _BATCH
        epochs = max(_LEAST_EPOCHS, min(_MOST_EPOCHS, _LEAST_STEPS * _BATCH / situation.images))
        steps = steps_of(length, epochs, images=situation.images, batch_size=batch_size)
        asked = Recipe(
            name=self.name,
            batch_size=batch_size,
            steps=steps,
            augmentation=situation.augmentation,
            seed=length.seed,
        )
        scale = (batch_size / _BATCH) ** 0.5
        return replace(
            asked,
            learning_rate=_RATE * scale,
            body_rate=0.2,
            norms="trained",
            warmup_share=0.05,
            label_smoothing=0.1 if situation.classes > 2 else 0.05,
            ema_decay=min(0.999, max(0.9, 1 - _AVERAGED_SHARE / steps)),
            gradient_clip=1.0,
        )


RECIPES = (FineTune(),)
