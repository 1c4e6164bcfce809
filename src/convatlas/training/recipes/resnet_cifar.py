"""ResNets of 6n+2 layers on CIFAR-10: `... cifar10/ --net resnet20_cifar --recipe resnet-cifar`.

Two GPUs, 64,000 iterations of 128 images (section 4.2): 182 epochs of the 45,000 images that the
paper trains on, 164 of all 50,000. Expected on the test images: 8.75 % of ResNet-20, 6.97 % of
ResNet-56, 6.43 % of ResNet-110 (Table 6).

ResNet-110 needs its warm-up: `resnet110-cifar`.
"""

from dataclasses import replace

from convatlas.facts.papers import HE2016
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, SHIFTED, SMALL, STEPS

_CIFAR = NamedRecipe(
    name="resnet-cifar",
    about="He et al. 2016, CIFAR-10: steps at 1/2 and 3/4, crops of padded images.",
    paper=HE2016,
    nets=("resnet20_cifar", "resnet32_cifar", "resnet44_cifar", "resnet56_cifar", "plain*_cifar"),
    sides=SMALL,
    epochs=164,
    recipe=replace(
        STEPS,
        batch_size=128,
        augmentation=SHIFTED,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        decay_spared=1e-4,
        milestones=(1 / 2, 3 / 4),
    ),
    places={
        "epochs": "section 4.2: 64,000 iterations",
        "batch_size": "section 4.2",
        "shift": "section 4.2: 4 pixels padded on each side",
        "flip": "section 4.2",
        "learning_rate": "section 4.2",
        "momentum": "section 4.2",
        "weight_decay": "section 4.2",
        "milestones": "section 4.2: at 32k and 48k of 64k iterations",
        "decay_factor": "section 4.2: divided by 10",
    },
    departs=(
        BORDER,
        "Decay of biases and norms is not stated: as of weights, as in fb.resnet.torch.",
    ),
)

_WARM = replace(
    _CIFAR,
    name="resnet110-cifar",
    about="He et al. 2016, CIFAR-10, 110 layers: a first phase at a tenth of the rate.",
    nets=("resnet110_cifar", "resnet1202_cifar"),
    recipe=replace(_CIFAR.recipe, warmup="constant", warmup_start=0.1, warmup_share=400 / 64_000),
    places={
        **_CIFAR.places,
        "warmup_start": "section 4.2: 0.01 until the training error is below 80 %",
        "warmup_share": "section 4.2: about 400 iterations",
    },
    departs=(*_CIFAR.departs, "The warm-up ends after 400 of 64,000 steps, whatever the error."),
)

RECIPES = (_CIFAR, _WARM)
