"""A recipe for any net on little data and in little time: `--recipe small-data`, the default.

Tried for runs of a few seconds to two minutes on digits and on 20,000 images of Fashion-MNIST. With
norms, SGD with a peak of 0.2 to 0.4 was best for ResNet-8 and VGG-A, at most 0.2 for SqueezeNet and
AlexNet, whose upper layers have no norm; clipping saves those and costs the others nothing. Without
norms, AdamW at 4e-3 was best or near it for LeNet-5; SqueezeNet 1.1 dies of it after a short
warm-up, and learns after one of 30 % of the steps. A smaller batch did best with the square root of
the rate, not in proportion.
"""

from dataclasses import dataclass, replace

from convatlas.training._named import Length, Situation, steps_of
from convatlas.training._recipe import Recipe

_EPOCHS = 10.0
_SMALL_SET = 5000  # fewer training images: smaller batches, for more steps an epoch
_SMALL_BATCH = 64
_BATCH = 128  # the batch that learning rates are stated for
_SGD_RATE = 0.25
_ADAMW_RATE = 4e-3
_AVERAGED_SHARE = 20  # the average reaches back over about a twentieth of the steps


@dataclass(frozen=True, slots=True)
class SmallData:
    """Values that follow the number of images and classes, and whether the net has norms."""

    name: str = "small-data"
    about: str = "Ours, for any net on a person's own images: follows the data and the net."
    measures_precision: bool = False

    def suits(self, variant: str) -> bool:
        """Any net."""
        return True

    def plan(self, situation: Situation, length: Length) -> Recipe:
        """A recipe that does well for most nets on data of this size.

        Labels are smoothed by 0.1, with fewer than three classes by half of it. Without layers like
        batch norm SGD at a useful rate leaves many nets at chance, so AdamW with a long warm-up
        takes its place.
        """
        batch_size = length.batch_size or (
            _SMALL_BATCH if situation.images < _SMALL_SET else _BATCH
        )
        steps = steps_of(length, _EPOCHS, images=situation.images, batch_size=batch_size)
        # Checked before anything is computed from them.
        asked = Recipe(
            name=self.name,
            batch_size=batch_size,
            steps=steps,
            augmentation=situation.augmentation,
            seed=length.seed,
        )
        scale = (batch_size / _BATCH) ** 0.5
        norms = "norms" in situation.has
        return replace(
            asked,
            optimizer="sgd" if norms else "adamw",
            learning_rate=(_SGD_RATE if norms else _ADAMW_RATE) * scale,
            weight_decay=5e-4 if norms else 0.05,
            warmup_share=0.1 if norms else 0.3,
            label_smoothing=0.1 if situation.classes > 2 else 0.05,
            ema_decay=min(0.999, max(0.99, 1 - _AVERAGED_SHARE / steps)),
            gradient_clip=1.0,
        )


RECIPES = (SmallData(),)
