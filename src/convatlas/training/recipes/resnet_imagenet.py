"""ResNets on ImageNet: `convatlas train imagenet/ --net resnet50 --recipe resnet-imagenet`.

The paper states no machine. Expected on the validation images: 22.85 % top-1, 6.71 % top-5 of
ResNet-50 by ten crops (Table 3); 24.7 % and 7.8 % by the centre crop (the released models).

`resnet-torch` is the recipe of fb.resnet.torch for the form with the stride in the 3x3: eight GPUs
for a batch of 256. Expected of ResNet-50: 24.01 % top-1, 7.02 % top-5 by the centre crop.
"""

from dataclasses import replace

from convatlas.facts import Paper
from convatlas.facts.papers import HE2016
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, STEPS, TORCH, scaled

FB_RESNET_TORCH = Paper(
    "fb.resnet.torch",
    "Training and investigating residual nets",
    "GitHub, 2016",
    "https://github.com/facebookarchive/fb.resnet.torch",
)

_IMAGENET = NamedRecipe(
    name="resnet-imagenet",
    about="He et al. 2016, ImageNet: scale jitter, PCA colour, a tenth on plateau.",
    paper=HE2016,
    nets=(
        "resnet50",
        "resnet101",
        "resnet152",
        "resnet18",
        "resnet18_a",
        "resnet34",
        "resnet34_[ac]",
        "plain18",
        "plain34",
    ),
    sides=LARGE,
    epochs=120,
    recipe=replace(
        PLAIN,
        batch_size=256,
        augmentation=scaled(256, 480, 224, pca_colour=0.1),
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        decay_spared=1e-4,
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=3,
        validations=40,
    ),
    places={
        "epochs": "section 3.4: up to 600,000 iterations of 256",
        "batch_size": "section 3.4",
        "short_side": "section 3.4: drawn from [256, 480]",
        "flip": "section 3.4",
        "pca_colour": "section 3.4: AlexNet's colour augmentation",
        "learning_rate": "section 3.4",
        "momentum": "section 3.4",
        "weight_decay": "section 3.4",
        "schedule": "section 3.4: when the error plateaus",
        "decay_factor": "section 3.4: divided by 10",
    },
    departs=(
        "How often, and after how long a standstill, is not stated: 3 times, 3 of 40 validations.",
        "Decay of biases and norms is not stated: as of weights, as in fb.resnet.torch.",
    ),
)

_TORCH = NamedRecipe(
    name="resnet-torch",
    about="fb.resnet.torch: crops by area and aspect, a tenth at 30 and 60 of 90 epochs.",
    paper=FB_RESNET_TORCH,
    nets=("resnet50_v15", "resnet101_v15", "resnet152_v15", "resnet200_v15"),
    sides=LARGE,
    epochs=90,
    recipe=replace(
        STEPS,
        batch_size=256,
        augmentation=TORCH,
        learning_rate=0.1,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4,
        decay_spared=1e-4,
        milestones=(30 / 90, 60 / 90),
    ),
    places={
        "epochs": "opts.lua",
        "batch_size": "TRAINING.md",
        "crop_area": "datasets/imagenet.lua",
        "brightness": "datasets/imagenet.lua",
        "pca_colour": "datasets/imagenet.lua",
        "interpolation": "datasets/transforms.lua",
        "learning_rate": "opts.lua",
        "momentum": "opts.lua",
        "nesterov": "train.lua",
        "weight_decay": "opts.lua",
        "decay_spared": "train.lua: all parameters",
        "milestones": "train.lua: every 30 epochs",
    },
)

RECIPES = (_IMAGENET, _TORCH)
