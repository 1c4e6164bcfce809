"""ZFNet: `convatlas train imagenet/ --net zfnet --recipe zfnet`.

One GTX 580, about 12 days for 70 epochs (section 3). Expected on ImageNet's validation images:
38.4 % top-1, 16.5 % top-5 (Table 2, one net of the form here called `zfnet`).
"""

from dataclasses import replace

from convatlas.models.zfnet import ZEILER2014
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_ZFNET = NamedRecipe(
    name="zfnet",
    about="Zeiler and Fergus 2014: 70 epochs, a tenth on plateau, corner and centre crops.",
    paper=ZEILER2014,
    nets=("zfnet", "zfnet_b"),
    sides=LARGE,
    epochs=70,
    recipe=replace(
        PLAIN,
        batch_size=128,
        augmentation=scaled(256, 256, 224),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=3,
        validations=28,
    ),
    places={
        "epochs": "section 3: stopped after 70",
        "batch_size": "section 3",
        "short_side": "section 3: crops of 224 from squares of 256",
        "flip": "section 3",
        "learning_rate": "section 3",
        "momentum": "section 3",
        "schedule": "section 3: annealed by hand when the validation error plateaus",
    },
    departs=(
        "The paper takes 10 fixed crops (corners and centre, mirrored); here places are drawn.",
        "Filters of the first layer are not scaled back to a root mean square of 0.1.",
        "Weight decay, form of the update and decays of the rate are not stated: AlexNet's.",
        "How long an error must stand still is not stated: 3 of 28 validations.",
    ),
)

RECIPES = (_ZFNET,)
