"""IGCV3: `convatlas train imagenet/ --net igcv3_d --recipe igcv3-imagenet`.

Four or eight GPUs (the released code). Expected on ImageNet's validation images: 29.4 % top-1,
10.3 % top-5 of IGCV3-D, 27.8 % and 9.5 % after it was trained once more (README.md). The recipe for
CIFAR could not be read.
"""

from dataclasses import replace

from convatlas.facts.papers import SUN2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_TRAIN = "homles11/IGCV3, train_imagenet.py"

_IMAGENET = NamedRecipe(
    name="igcv3-imagenet",
    about="Sun et al. 2018, ImageNet: the rate 2 % less every one of 480 epochs.",
    paper=SUN2018,
    nets=("igcv3_d", "igcv3_d_w*", "igcv3_d_r*", "igcv3_d_g2g4", "igcv3_w*"),
    sides=LARGE,
    epochs=480,
    recipe=replace(
        PLAIN,
        batch_size=96,
        augmentation=replace(scaled(256, 480, 224), brightness=0.2, saturation=0.2, hue=0.1),
        learning_rate=0.045,
        momentum=0.9,
        weight_decay=4e-5,
        schedule="exponential",
        decay_factor=0.98,
        decay_every=1 / 480,
    ),
    places={
        "epochs": _TRAIN,
        "batch_size": _TRAIN,
        "short_side": f"{_TRAIN}: [256, 480]",
        "brightness": f"{_TRAIN}: augmentation level 2, lightness by 50 of 255 (recalled)",
        "saturation": f"{_TRAIN}: augmentation level 2, by 50 of 255 (recalled)",
        "hue": f"{_TRAIN}: augmentation level 2, by 36 of 360 (recalled)",
        "optimizer": _TRAIN,
        "learning_rate": _TRAIN,
        "momentum": "homles11/IGCV3, common/fit.py",
        "weight_decay": _TRAIN,
        "decay_factor": _TRAIN,
        "decay_every": f"{_TRAIN}: every epoch",
    },
    departs=("Colours change by factors; the released code adds to their components.",),
)

RECIPES = (_IMAGENET,)
