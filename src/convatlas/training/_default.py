"""A recipe for any net on little data and in little time.

Tried for runs of a few seconds to two minutes on digits and on 20,000 images of Fashion-MNIST. With
norms, SGD with a peak of 0.2 to 0.4 was best for ResNet-8 and VGG-A, at most 0.2 for SqueezeNet and
AlexNet, whose upper layers have no norm; clipping saves those and costs the others nothing. Without
norms, AdamW at 4e-3 was best or near it for LeNet-5; SqueezeNet 1.1 dies of it after a short
warm-up, and learns after one of 30 % of the steps. A smaller batch did best with the square root of
the rate, not in proportion.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.training._recipe import Recipe

_SMALL_SET = 5000  # fewer training images: smaller batches, for more steps an epoch
_SMALL_BATCH = 64
_BATCH = 128  # the batch that learning rates are stated for
_SGD_RATE = 0.25
_ADAMW_RATE = 4e-3
_AVERAGED_SHARE = 20  # the average reaches back over about a twentieth of the steps


def default_recipe(
    n_train: int,
    classes: int,
    augmentation: Augmentation,
    *,
    seed: int = 0,
    steps: int,
    batch_size: int | None = None,
    has_norm: bool = True,
) -> Recipe:
    """A recipe of `steps` steps that does well for most nets on data of this size.

    Args:
        classes: labels are smoothed by 0.1, with fewer than three classes by half of it.
        has_norm: whether the net has layers like batch norm (`has_norm` tells); without them SGD at
            a useful rate leaves many nets at chance, so AdamW with a long warm-up takes its place.
    """
    if batch_size is None:
        batch_size = _SMALL_BATCH if n_train < _SMALL_SET else _BATCH
    # Checked before anything is computed from them.
    asked = Recipe(batch_size=batch_size, steps=steps, augmentation=augmentation, seed=seed)
    scale = (batch_size / _BATCH) ** 0.5
    return replace(
        asked,
        optimizer="sgd" if has_norm else "adamw",
        learning_rate=(_SGD_RATE if has_norm else _ADAMW_RATE) * scale,
        weight_decay=5e-4 if has_norm else 0.05,
        warmup_share=0.1 if has_norm else 0.3,
        label_smoothing=0.1 if classes > 2 else 0.05,
        ema_decay=min(0.999, max(0.99, 1 - _AVERAGED_SHARE / steps)),
        gradient_clip=1.0,
    )
