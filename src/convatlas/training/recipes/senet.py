"""SENets: `convatlas train imagenet/ --net se_resnet50 --recipe senet`.

A distributed system of the authors' (section 5.1). Expected on ImageNet's validation images by the
centre crop: 23.29 % top-1, 6.62 % top-5 of SE-ResNet-50, 20.70 % and 5.01 % of SE-ResNeXt-101
(Table 2), 25.3 % and 7.7 % of SE-MobileNet after `senet-mobile` (Table 3), 22.28 % and 6.03 % of
SE-ResNet-50 after `senet-ablation` (Table 10).
"""

from dataclasses import replace

from convatlas.facts.papers import HU2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN, STEPS

_DECAY = "The weight decay is not stated: 1e-4, as ResNet's; none of biases and norms."
_STANDSTILL = "How long a loss must stand still is not stated: 5 of 100 validations of the error."

_SENET = NamedRecipe(
    name="senet",
    about="Hu et al. 2018: batches of 1024, a tenth every 30 of 100 epochs.",
    paper=HU2018,
    nets=(
        "se_resnet50",
        "se_resnet101",
        "se_resnet152",
        "se_resnext*",
        "senet154",
        "se_vgg16",
        "se_bn_inception",
        "se_inception_resnet_v2",
        "se_inception",
    ),
    sides=LARGE,
    epochs=100,
    recipe=replace(
        STEPS,
        batch_size=1024,
        augmentation=PATCHES,
        learning_rate=0.6,
        momentum=0.9,
        weight_decay=1e-4,
        milestones=(30 / 100, 60 / 100, 90 / 100),
    ),
    places={
        "epochs": "section 5.1",
        "batch_size": "section 5.1",
        "crop_area": "section 5.1: scale and aspect as GoogLeNet, section 6",
        "flip": "section 5.1",
        "learning_rate": "section 5.1",
        "momentum": "section 5.1",
        "milestones": "section 5.1: every 30 epochs",
        "decay_factor": "section 5.1: by 10",
    },
    departs=(_DECAY,),
)

_MOBILE = NamedRecipe(
    name="senet-mobile",
    about="Hu et al. 2018, small nets: batches of 256, a tenth on plateau, 400 epochs.",
    paper=HU2018,
    nets=("se_mobilenet",),
    sides=LARGE,
    epochs=400,
    recipe=replace(
        PLAIN,
        batch_size=256,
        augmentation=replace(PATCHES, crop_area=(0.2, 1.0)),
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=4e-5,
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=5,
        validations=100,
    ),
    places={
        "epochs": "section 5.1: about 400",
        "batch_size": "section 5.1",
        "crop_area": "section 5.1: slightly less aggressive, as ShuffleNet",
        "learning_rate": "section 5.1",
        "momentum": "section 5.1",
        "weight_decay": "section 5.1: as ShuffleNet, section 4",
        "schedule": "section 5.1: when the validation loss plateaued",
        "decay_factor": "section 5.1: by 10",
    },
    departs=(
        "How mild the crops were is not stated: from 20 % of the area.",
        f"{_STANDSTILL[:-1]}, three times.",
    ),
)

_ABLATION = NamedRecipe(
    name="senet-ablation",
    about="Hu et al. 2018, ablations: smoothed labels, a tenth on plateau, 300 epochs.",
    paper=HU2018,
    nets=("se_resnet50", "se_resnet50_*"),
    sides=LARGE,
    epochs=300,
    recipe=replace(
        PLAIN,
        batch_size=256,
        augmentation=PATCHES,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=5,
        validations=100,
        label_smoothing=0.1,
    ),
    places={
        "epochs": "section 6: about 300",
        "crop_area": "section 6: as in section 5.1",
        "learning_rate": "section 6",
        "schedule": "section 6: when the validation loss plateaus",
        "decay_factor": "section 6: by 10",
        "decays": "section 6: three times",
        "label_smoothing": "section 6: as Inception v3, section 7",
    },
    departs=("The batch is not stated: 256 on its 8 GPUs.", _STANDSTILL, _DECAY),
)

RECIPES = (_SENET, _MOBILE, _ABLATION)
