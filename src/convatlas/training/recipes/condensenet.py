"""CondenseNets: `convatlas train cifar10/ --net condensenet86 --recipe condensenet-cifar`.

The paper states no machine. Expected on CIFAR-10: 5.06 % of CondenseNet-86, 3.76 % of the 182-layer
net after 600 epochs (Table 1); on ImageNet: 26.2 % top-1, 8.3 % top-5 of CondenseNet-74 with 4
groups (Table 4). The layers condense by the share of the run that is over: in its first half.
"""

from dataclasses import replace

from convatlas.facts.papers import HUANG2018
from convatlas.training._named import NamedRecipe, Requirement
from convatlas.training.recipes._plain import BORDER, LARGE, PATCHES, PLAIN, SHIFTED, SMALL

_MAIN = "ShichenLiu/CondenseNet, main.py"
_SGD = replace(
    PLAIN,
    learning_rate=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    decay_spared=1e-4,
    schedule="cosine",
    group_lasso=1e-5,
)
_CODE = {
    "learning_rate": _MAIN,
    "momentum": _MAIN,
    "nesterov": _MAIN,
    "weight_decay": _MAIN,
    "decay_spared": f"{_MAIN}: all parameters",
    "schedule": "section 4.1: a cosine",
    "group_lasso": "section 4.3 (recalled); 0 by default in the released code",
}
_CONDENSING: frozenset[Requirement] = frozenset({"condensing layers"})

_CIFAR = NamedRecipe(
    name="condensenet-cifar",
    about="Huang et al. 2018, CIFAR: 300 epochs along a cosine, condensing in the first half.",
    paper=HUANG2018,
    nets=(
        "condensenet86",
        "condensenet[1-9]?",
        "condensenet1[12]?",
        "condensenet_light??",
        "condensenet_light???",
    ),
    sides=SMALL,
    requires=_CONDENSING,
    epochs=300,
    recipe=replace(_SGD, batch_size=64, augmentation=SHIFTED),
    places={
        **_CODE,
        "epochs": "section 4.1; ShichenLiu/CondenseNet, script.sh",
        "batch_size": "section 4.1; ShichenLiu/CondenseNet, script.sh",
        "shift": f"{_MAIN}: 4 pixels padded",
        "flip": _MAIN,
    },
    departs=(BORDER, "The dropout of 0.1 of nets above 3 million parameters is not in the nets."),
)

_CIFAR_600 = replace(
    _CIFAR,
    name="condensenet-cifar-600",
    about="Huang et al. 2018, CIFAR: the same over 600 epochs.",
    nets=("condensenet182", "condensenet_light160"),
    epochs=600,
    places={**_CIFAR.places, "epochs": "Table 1: nets marked by a star"},
)

_IMAGENET = NamedRecipe(
    name="condensenet-imagenet",
    about="Huang et al. 2018, ImageNet: 120 epochs along a cosine.",
    paper=HUANG2018,
    nets=("condensenet74_imagenet_g[48]",),
    sides=LARGE,
    requires=_CONDENSING,
    epochs=120,
    recipe=replace(_SGD, batch_size=256, augmentation=PATCHES),
    places={
        **_CODE,
        "epochs": _MAIN,
        "batch_size": _MAIN,
        "crop_area": f"{_MAIN}: RandomSizedCrop",
        "flip": _MAIN,
    },
)

RECIPES = (_CIFAR, _CIFAR_600, _IMAGENET)
