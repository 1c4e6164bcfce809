"""ResNeXts: `convatlas train imagenet/ --net resnext50_32x4d --recipe resnext-imagenet`.

Eight GPUs (section 4). Expected on ImageNet's validation images by the centre crop: 22.2 % top-1 of
ResNeXt-50 32x4d, 21.2 % of ResNeXt-101 32x4d (Table 3). On CIFAR-10: 3.65 % of ResNeXt-29 8x64d
(Table 7).
"""

from dataclasses import replace

from convatlas.facts.papers import XIE2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, LARGE, SHIFTED, SMALL, STEPS, TORCH

_SGD = replace(STEPS, learning_rate=0.1, momentum=0.9, nesterov=True)

_IMAGENET = NamedRecipe(
    name="resnext-imagenet",
    about="Xie et al. 2017, ImageNet: a tenth every 30 of 100 epochs.",
    paper=XIE2017,
    nets=("resnext50_32x4d", "resnext50_*", "resnext101_*"),
    sides=LARGE,
    epochs=100,
    recipe=replace(
        _SGD,
        batch_size=256,
        augmentation=TORCH,
        weight_decay=1e-4,
        decay_spared=1e-4,
        milestones=(30 / 100, 60 / 100, 90 / 100),
    ),
    places={
        "epochs": "facebookresearch/ResNeXt, opts.lua",
        "batch_size": "section 4",
        "crop_area": "section 4: GoogLeNet's, as implemented in fb.resnet.torch",
        "brightness": "facebookresearch/ResNeXt, datasets/imagenet.lua",
        "pca_colour": "facebookresearch/ResNeXt, datasets/imagenet.lua",
        "learning_rate": "section 4",
        "momentum": "section 4",
        "nesterov": "facebookresearch/ResNeXt, train.lua",
        "weight_decay": "section 4",
        "decay_spared": "facebookresearch/ResNeXt, train.lua: all parameters",
        "milestones": "section 4: three times; facebookresearch/ResNeXt, train.lua: every 30",
        "decay_factor": "section 4: divided by 10",
    },
)

_CIFAR = NamedRecipe(
    name="resnext-cifar",
    about="Xie et al. 2017, CIFAR: 300 epochs, strong decay.",
    paper=XIE2017,
    nets=("resnext29_8x64d_cifar", "resnext29_*_cifar"),
    sides=SMALL,
    epochs=300,
    recipe=replace(
        _SGD,
        batch_size=128,
        augmentation=SHIFTED,
        weight_decay=5e-4,
        decay_spared=5e-4,
        milestones=(150 / 300, 225 / 300),
    ),
    places={
        "epochs": "appendix A",
        "batch_size": "appendix A: on 8 GPUs",
        "shift": "ResNet, section 4.2: 4 pixels padded on each side",
        "learning_rate": "appendix A",
        "momentum": "appendix A",
        "nesterov": "facebookresearch/ResNeXt, train.lua",
        "weight_decay": "appendix A",
        "decay_spared": "facebookresearch/ResNeXt, train.lua: all parameters",
        "milestones": "appendix A: at epochs 150 and 225",
    },
    departs=(BORDER,),
)

RECIPES = (_IMAGENET, _CIFAR)
