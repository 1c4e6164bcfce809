"""SqueezeNexts: `convatlas train imagenet/ --net squeezenext23v5 --recipe squeezenext`.

32 processes of 32 images each, 120 epochs. Expected on ImageNet's validation images by the centre
crop: 40.95 % top-1, 17.40 % top-5 of 1.0-SqNxt-23 (Table 1).
"""

from dataclasses import replace

from convatlas.models.squeezenext import GHOLAMI2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_SOLVER = "amirgholami/SqueezeNext, 1.0-SqNxt-23v5/solver.prototxt"

_SQUEEZENEXT = NamedRecipe(
    name="squeezenext",
    about="Gholami et al. 2018: a warm-up, then by a square to 0 over 120 epochs.",
    paper=GHOLAMI2018,
    nets=("squeezenext23", "squeezenext*"),
    sides=LARGE,
    epochs=120,
    recipe=replace(
        PLAIN,
        batch_size=1024,
        augmentation=replace(scaled(256, 256, 227), flip=False),
        optimizer="sgd_inside",
        learning_rate=0.4,
        momentum=0.9,
        weight_decay=1e-4,
        decay_spared=1e-4,
        schedule="polynomial",
        power=2.0,
        warmup_share=780 / 150_136,
        warmup_start=0.25,
    ),
    places={
        "epochs": f"{_SOLVER}: 150,136 steps",
        "batch_size": f"{_SOLVER}: in the name of the run",
        "short_side": "1.0-SqNxt-23v5/train_val.prototxt: crops of 227; Caffe's images of 256",
        "flip": "1.0-SqNxt-23v5/train_val.prototxt: none",
        "decay_spared": "1.0-SqNxt-23v5/train_val.prototxt: scales and shifts decay too",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": _SOLVER,
        "momentum": _SOLVER,
        "weight_decay": _SOLVER,
        "schedule": _SOLVER,
        "power": _SOLVER,
        "warmup_share": f"{_SOLVER}: 780 steps",
        "warmup_start": f"{_SOLVER}: from 0.1",
    },
    departs=(
        "The square falls from the end of the warm-up; Caffe counts it from the first step.",
        "Images keep their aspect; Caffe's were squeezed to 256x256.",
    ),
)

RECIPES = (_SQUEEZENEXT,)
