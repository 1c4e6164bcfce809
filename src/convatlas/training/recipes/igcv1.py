"""IGCNets: `convatlas train cifar10/ --net igcv1_l24m2_d38 --recipe igcv1-cifar`.

Two GPUs for CIFAR, eight for ImageNet in the examples of the released code. Expected: 4.85 % on
CIFAR-10 of the best IGC-L24M2 with identity shortcuts (Table 4), 26.95 % top-1, 8.92 % top-5 on
ImageNet of IGC-L100M2 (Table 6).
"""

from dataclasses import replace

from convatlas.facts.papers import ZHANG2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, LARGE, SHIFTED, SMALL, STEPS, scaled

_CODE = "hellozting/InterleavedGroupConvolutions"
_SGD = replace(
    STEPS,
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    decay_spared=1e-4,
)

_CIFAR = NamedRecipe(
    name="igcv1-cifar",
    about="Zhang et al. 2017, CIFAR: a tenth at 1/2, 3/4 and 7/8 of 400 epochs.",
    paper=ZHANG2017,
    nets=("igcv1_l24m2_d38", "igcv1_*_d*"),
    sides=SMALL,
    epochs=400,
    recipe=replace(_SGD, batch_size=64, augmentation=SHIFTED, milestones=(1 / 2, 3 / 4, 7 / 8)),
    places={
        "epochs": f"{_CODE}, options.py",
        "batch_size": f"{_CODE}, options.py",
        "shift": f"{_CODE}, train_model.py: 4 pixels padded",
        "flip": f"{_CODE}, train_model.py",
        "learning_rate": f"{_CODE}, options.py",
        "momentum": f"{_CODE}, train_model.py",
        "nesterov": f"{_CODE}, train_model.py",
        "weight_decay": f"{_CODE}, train_model.py",
        "decay_spared": f"{_CODE}, train_imagenet.py: biases and norms too",
        "milestones": f"{_CODE}, options.py",
        "decay_factor": f"{_CODE}, options.py",
    },
    departs=(BORDER,),
)

_IMAGENET = NamedRecipe(
    name="igcv1-imagenet",
    about="Zhang et al. 2017, ImageNet: a tenth every 30 of 95 epochs.",
    paper=ZHANG2017,
    nets=("igcv1_l100m2_imagenet", "igcv1_*_imagenet"),
    sides=LARGE,
    epochs=95,
    recipe=replace(
        _SGD,
        batch_size=256,
        augmentation=replace(scaled(256, 480, 224), brightness=0.2, saturation=0.2, hue=0.1),
        milestones=(30 / 95, 60 / 95, 90 / 95),
    ),
    places={
        "epochs": "section 4.3 (recalled)",
        "batch_size": f"{_CODE}, train_imagenet.py",
        "short_side": f"{_CODE}, train_imagenet.py: [256, 480]",
        "brightness": f"{_CODE}, train_imagenet.py: lightness by 50 of 255",
        "saturation": f"{_CODE}, train_imagenet.py: by 50 of 255",
        "hue": f"{_CODE}, train_imagenet.py: by 36 of 360",
        "learning_rate": f"{_CODE}, train_imagenet.py",
        "momentum": f"{_CODE}, train_imagenet.py",
        "nesterov": f"{_CODE}, train_imagenet.py",
        "weight_decay": f"{_CODE}, train_imagenet.py",
        "decay_spared": f"{_CODE}, train_imagenet.py: biases and norms too",
        "milestones": f"{_CODE}, train_imagenet.py: every 30 epochs",
        "decay_factor": f"{_CODE}, train_imagenet.py",
    },
    departs=(
        "Crops keep their aspect; the released code stretches them by up to a quarter.",
        "Colours change by factors; the released code adds to hue, saturation and lightness.",
        "The released code runs 120 epochs by default.",
    ),
)

RECIPES = (_CIFAR, _IMAGENET)
