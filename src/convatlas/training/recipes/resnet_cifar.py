"""ResNets of 6n+2 layers on CIFAR-10: `convatlas train cifar10/ --net resnet20_cifar --recipe ...`.

The paper's 64,000 iterations of 128 images are 182 epochs of the 45,000 images it trains on first;
the final nets saw all 50,000 (164 epochs). ResNet-110 needs its warm-up.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.facts.papers import HE2016
from convatlas.training._named import NamedRecipe
from convatlas.training._recipe import Recipe

_PLAIN = NamedRecipe(
    name="resnet-cifar",
    about="He et al. 2016, CIFAR-10: steps at 1/2 and 3/4, crops of padded images.",
    paper=HE2016,
    nets=("resnet*_cifar", "plain*_cifar"),
    sides=(24, 64),
    epochs=164,
    recipe=Recipe(
        batch_size=128,
        augmentation=Augmentation(flip=True, shift=1 / 8),
        learning_rate=0.1,
        momentum=0.9,
        nesterov=False,
        weight_decay=1e-4,
        decay_spared=1e-4,
        schedule="steps",
        milestones=(1 / 2, 3 / 4),
        warmup_share=0.0,
        label_smoothing=0.0,
        ema_decay=0.0,
        initial="own",
    ),
    places={
        "batch_size": "section 4.2",
        "learning_rate": "section 4.2",
        "milestones": "section 4.2: at 32k and 48k of 64k iterations",
        "weight_decay": "section 4.2",
        "shift": "section 4.2: 4 pixels padded on each side",
    },
    departs=("What a shift uncovers repeats the border; the paper pads with zeros.",),
)

_WARM = replace(
    _PLAIN,
    name="resnet110-cifar",
    about="He et al. 2016, CIFAR-10, 110 layers: a first phase at a tenth of the rate.",
    nets=("resnet110_cifar", "resnet1202_cifar"),
    recipe=replace(_PLAIN.recipe, warmup="constant", warmup_start=0.1, warmup_share=400 / 64_000),
    places={
        **_PLAIN.places,
        "warmup_start": "section 4.2: 0.01 until the training error is below 80 %",
        "warmup_share": "section 4.2: about 400 iterations",
    },
)

RECIPES = (_PLAIN, _WARM)
