"""Xception: `convatlas train imagenet/ --net xception --recipe xception`.

60 K80 GPUs, about three days, synchronous (section 4.4). Expected on ImageNet's validation images
by one crop: 21.0 % top-1, 5.5 % top-5 (Table 1).

`xception-jft` is the paper's recipe for the 350 million images of JFT, a month on 60 GPUs.
"""

from dataclasses import replace

from convatlas.facts.papers import CHOLLET2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import INCEPTION, LARGE, PLAIN

_IMAGENET = NamedRecipe(
    name="xception",
    about="Chollet 2017, ImageNet: momentum, 0.94 every two epochs, little decay.",
    paper=CHOLLET2017,
    nets=("xception", "xception_*"),
    sides=LARGE,
    epochs=100,
    recipe=replace(
        PLAIN,
        batch_size=1920,
        augmentation=INCEPTION,
        learning_rate=0.045,
        momentum=0.9,
        weight_decay=1e-5,
        schedule="exponential",
        decay_factor=0.94,
        decay_every=2 / 100,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "batch_size": "section 4.4: 60 GPUs; 32 each as in Inception v3, section 8",
        "crop_area": "as Inception v3: GoogLeNet, section 6",
        "optimizer": "section 4.2",
        "learning_rate": "section 4.2",
        "momentum": "section 4.2",
        "decay_factor": "section 4.2",
        "decay_every": "section 4.2: every 2 epochs",
        "weight_decay": "section 4.3",
        "average": "section 4.2: Polyak averaging",
    },
    departs=(
        "Batch, length, crops and the average's decay are not stated: those of Inception v3.",
        "The dropout of 0.5 before the classifier (section 4.3) is not in the net here.",
    ),
)

_JFT = replace(
    _IMAGENET,
    name="xception-jft",
    about="Chollet 2017, JFT: RMSProp, 0.9 every 3 million images.",
    epochs=1,
    recipe=replace(
        _IMAGENET.recipe,
        batch_size=32,
        optimizer="rmsprop",
        learning_rate=0.001,
        squares=0.9,
        epsilon=1.0,
        decay_factor=0.9,
        decay_every=3 / 350,
    ),
    scaling="none",
    places={
        "crop_area": "as Inception v3: GoogLeNet, section 6",
        "optimizer": "section 4.2",
        "learning_rate": "section 4.2",
        "momentum": "section 4.2",
        "decay_factor": "section 4.2",
        "decay_every": "section 4.2: every 3,000,000 samples, of 350 million in section 4.1",
        "weight_decay": "section 4.3",
        "average": "section 4.2: Polyak averaging",
    },
    departs=(
        "Steps were asynchronous; batch and length are not stated: 32, one pass.",
        "JFT's images have several labels; the loss here takes one.",
        "Mean square's decay, epsilon and crops are not stated: those of Inception v3.",
    ),
)

RECIPES = (_IMAGENET, _JFT)
