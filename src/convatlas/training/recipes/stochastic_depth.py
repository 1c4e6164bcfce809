"""Stochastic depth: `... cifar10/ --net resnet110_cifar_stochastic_depth --recipe ...-cifar`.

One GPU, 15 hours for CIFAR-10 instead of 21 with constant depth (Table 2). Expected: 5.25 %
instead of 6.41 % on CIFAR-10, 1.75 % instead of 1.80 % on SVHN (Table 1), 4.91 % for 1202 layers
(section 4), 21.98 % top-1 on ImageNet (section 4).

That blocks are skipped is the nets' own: their specs have survival probabilities.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.facts.papers import HUANG2016
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, LARGE, SHIFTED, SMALL, STEPS, TORCH

_SGD = replace(
    STEPS,
    batch_size=128,
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    decay_spared=1e-4,
)
_SECTION_4 = {
    "epochs": "section 4",
    "batch_size": "section 4",
    "learning_rate": "section 4",
    "momentum": "section 4",
    "nesterov": "section 4: without dampening",
    "weight_decay": "section 4",
    "decay_spared": "yueatsprograms/Stochastic_Depth, main.lua: all parameters",
    "decay_factor": "section 4: divided by 10",
}

_CIFAR = NamedRecipe(
    name="stochastic-depth-cifar",
    about="Huang et al. 2016, CIFAR: 500 epochs, a tenth at 1/2 and 3/4.",
    paper=HUANG2016,
    nets=("resnet110_cifar_stochastic_depth*", "resnet110_cifar_constant_depth"),
    sides=SMALL,
    epochs=500,
    recipe=replace(_SGD, augmentation=SHIFTED, milestones=(250 / 500, 375 / 500)),
    places={
        **_SECTION_4,
        "shift": "section 4: by 4 pixels",
        "flip": "section 4",
        "milestones": "section 4: after epochs 250 and 375",
    },
    departs=(BORDER,),
)

_1202 = replace(
    _CIFAR,
    name="stochastic-depth-1202",
    about="Huang et al. 2016, CIFAR-10, 1202 layers: 300 epochs with a warm-up of 10.",
    nets=("resnet1202_cifar_stochastic_depth",),
    epochs=300,
    recipe=replace(
        _CIFAR.recipe,
        milestones=(150 / 300, 225 / 300),
        warmup="constant",
        warmup_start=0.1,
        warmup_share=10 / 300,
    ),
    places={
        **_CIFAR.places,
        "milestones": "section 4: at epochs 150 and 225",
        "warmup_start": "section 4: 0.01",
        "warmup_share": "section 4: the first 10 epochs",
    },
)

_SVHN = replace(
    _CIFAR,
    name="stochastic-depth-svhn",
    about="Huang et al. 2016, SVHN: 50 epochs without augmentation.",
    nets=("resnet152_cifar_stochastic_depth", "resnet152_cifar_constant_depth"),
    epochs=50,
    recipe=replace(_SGD, augmentation=Augmentation(), milestones=(30 / 50, 35 / 50)),
    places={
        **_SECTION_4,
        "flip": "section 4: no augmentation",
        "milestones": "section 4: after epochs 30 and 35",
    },
    departs=(),
)

_IMAGENET = NamedRecipe(
    name="stochastic-depth-imagenet",
    about="Huang et al. 2016, ImageNet: fb.resnet.torch with a batch of 128 for 120 epochs.",
    paper=HUANG2016,
    nets=("resnet152_stochastic_depth", "resnet152_v15_*", "resnet50_stochastic_depth*"),
    sides=LARGE,
    epochs=120,
    recipe=replace(_SGD, augmentation=TORCH, milestones=(30 / 120, 60 / 120, 90 / 120)),
    places={
        **_SECTION_4,
        "epochs": "section 4: 90, and 30 more",
        "batch_size": "section 4: 128 on 4 GPUs instead of 256",
        "crop_area": "section 4: as fb.resnet.torch, datasets/imagenet.lua",
        "brightness": "section 4: as fb.resnet.torch, datasets/imagenet.lua",
        "pca_colour": "section 4: as fb.resnet.torch, datasets/imagenet.lua",
        "learning_rate": "section 4: as fb.resnet.torch, opts.lua",
        "decay_spared": "fb.resnet.torch, train.lua: all parameters",
        "milestones": "section 4: to 1e-4 at epoch 90; every 30 in fb.resnet.torch, train.lua",
    },
)

RECIPES = (_CIFAR, _1202, _SVHN, _IMAGENET)
