"""IGCV2: `convatlas train cifar100/ --net igcv2_star_c416_d20 --recipe igcv2-cifar`.

Expected on CIFAR-100: 22.95 % of IGCV2*-C416 (Table 5).

All values are recalled from section 5.1; they are those of IGCV1's released code. The paper's
recipe for ImageNet could not be read, so the mobile nets have none.
"""

from dataclasses import replace

from convatlas.models.igcv2 import XIE2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, SHIFTED, SMALL, STEPS

_CIFAR = NamedRecipe(
    name="igcv2-cifar",
    about="Xie et al. 2018, CIFAR: as IGCV1.",
    paper=XIE2018,
    nets=("igcv2_c64_*", "igcv2_star_*"),
    sides=SMALL,
    epochs=400,
    recipe=replace(
        STEPS,
        batch_size=64,
        augmentation=SHIFTED,
        learning_rate=0.1,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4,
        decay_spared=1e-4,
        milestones=(200 / 400, 300 / 400, 350 / 400),
    ),
    places={
        "epochs": "section 5.1 (recalled)",
        "batch_size": "section 5.1 (recalled)",
        "shift": "section 5.1 (recalled)",
        "learning_rate": "section 5.1 (recalled)",
        "momentum": "section 5.1 (recalled)",
        "nesterov": "section 5.1 (recalled)",
        "weight_decay": "section 5.1 (recalled)",
        "decay_spared": "IGCV1's released code: biases and norms too",
        "milestones": "section 5.1: at epochs 200, 300 and 350 (recalled)",
    },
    departs=(BORDER,),
)

RECIPES = (_CIFAR,)
