"""DenseNets: `convatlas train cifar10/ --net densenet_bc_100_k12 --recipe densenet-cifar`.

The paper states no machine. Expected on CIFAR-10: 4.51 % of DenseNet-BC of 100 layers and growth 12
(Table 2), 5.92 % without augmentation, `densenet-cifar-plain`. On ImageNet: 25.02 % top-1, 7.71 %
top-5 of DenseNet-121 by the centre crop (Table 3).

`densenet161` is the phase by which the paper makes up for a batch of 128; `densenet-cosine` is the
technical report's on DenseNets in little memory.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.facts import Paper
from convatlas.facts.papers import HUANG2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, LARGE, SHIFTED, SMALL, STEPS, TORCH

PLEISS2017 = Paper(
    "Pleiss2017",
    "Memory-efficient implementation of DenseNets",
    "arXiv 2017",
    "arXiv:1707.06990",
)

_SGD = replace(
    STEPS,
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    decay_spared=1e-4,
)
_SECTION_4_2 = {
    "epochs": "section 4.2",
    "batch_size": "section 4.2",
    "learning_rate": "section 4.2",
    "momentum": "section 4.2",
    "nesterov": "section 4.2: without dampening",
    "weight_decay": "section 4.2",
    "decay_spared": "liuzhuang13/DenseNet, train.lua: all parameters",
    "decay_factor": "section 4.2: divided by 10",
}

_CIFAR = NamedRecipe(
    name="densenet-cifar",
    about="Huang et al. 2017, CIFAR with augmentation: a tenth at 1/2 and 3/4 of 300 epochs.",
    paper=HUANG2017,
    nets=(
        "densenet_bc_100_k12",
        "densenet_[1-9]*",
        "densenet_b_*",
        "densenet_c_*",
        "densenet_bc_*0_k*",
    ),
    sides=SMALL,
    epochs=300,
    recipe=replace(_SGD, batch_size=64, augmentation=SHIFTED, milestones=(1 / 2, 3 / 4)),
    places={
        **_SECTION_4_2,
        "shift": "section 4.1: shifted, by 4 pixels as in ResNet",
        "flip": "section 4.1: mirrored",
        "milestones": "section 4.2: at 50 and 75 %",
    },
    departs=(BORDER,),
)

_CIFAR_PLAIN = replace(
    _CIFAR,
    name="densenet-cifar-plain",
    about="Huang et al. 2017, CIFAR without augmentation.",
    recipe=replace(_CIFAR.recipe, augmentation=Augmentation()),
    places={
        **_SECTION_4_2,
        "flip": "section 4.1: no augmentation",
        "milestones": "section 4.2: at 50 and 75 %",
    },
    departs=(
        "The paper's dropout of 0.2 after each convolution but the first is not in the nets here.",
    ),
)

_IMAGENET = NamedRecipe(
    name="densenet-imagenet",
    about="Huang et al. 2017, ImageNet: a tenth at 30 and 60 of 90 epochs.",
    paper=HUANG2017,
    nets=("densenet121", "densenet169", "densenet201", "densenet264"),
    sides=LARGE,
    epochs=90,
    recipe=replace(_SGD, batch_size=256, augmentation=TORCH, milestones=(30 / 90, 60 / 90)),
    places={
        **_SECTION_4_2,
        "crop_area": "section 4.1: as fb.resnet.torch; liuzhuang13/DenseNet, datasets/imagenet.lua",
        "brightness": "liuzhuang13/DenseNet, datasets/imagenet.lua",
        "pca_colour": "liuzhuang13/DenseNet, datasets/imagenet.lua",
        "milestones": "section 4.2: at epochs 30 and 60",
    },
)

_161 = replace(
    _IMAGENET,
    name="densenet161",
    about="Huang et al. 2017, ImageNet, k = 48: batches of 128, a last phase of 10 epochs.",
    nets=("densenet161_k48",),
    epochs=100,
    recipe=replace(_IMAGENET.recipe, batch_size=128, milestones=(30 / 100, 60 / 100, 90 / 100)),
    places={
        **_IMAGENET.places,
        "epochs": "section 4.2 of arXiv v3",
        "batch_size": "section 4.2 of arXiv v3",
        "milestones": "section 4.2 of arXiv v3: at epochs 30, 60 and 90",
    },
)

_COSINE = replace(
    _IMAGENET,
    name="densenet-cosine",
    about="Pleiss et al. 2017, ImageNet: 100 epochs along a cosine.",
    paper=PLEISS2017,
    nets=("densenet264_k48", "densenet232_k48", "densenet264"),
    epochs=100,
    recipe=replace(_IMAGENET.recipe, schedule="cosine", milestones=()),
    places={
        **{
            field: f"DenseNet, {place}"
            for field, place in _IMAGENET.places.items()
            if field not in ("milestones", "decay_factor")
        },
        "decay_spared": "liuzhuang13/DenseNet, train.lua: all parameters",
        "crop_area": "liuzhuang13/DenseNet, datasets/imagenet.lua",
        "brightness": "liuzhuang13/DenseNet, datasets/imagenet.lua",
        "pca_colour": "liuzhuang13/DenseNet, datasets/imagenet.lua",
        "epochs": "section 4 (recalled)",
        "batch_size": "section 4 (recalled)",
        "schedule": "section 4: DenseNet cosine (recalled); liuzhuang13/DenseNet, opts.lua",
    },
)

RECIPES = (_CIFAR, _CIFAR_PLAIN, _IMAGENET, _161, _COSINE)
