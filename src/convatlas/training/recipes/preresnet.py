"""Pre-activation ResNets: `... cifar10/ --net preresnet164_cifar --recipe preresnet-cifar`.

CIFAR-10: two GPUs, 27 hours for ResNet-1001 (section 5). Expected: 5.46 % of ResNet-164, 4.92 % of
ResNet-1001 (Table 4). ImageNet: eight GPUs, three weeks for ResNet-200; 20.7 % top-1, 5.3 % top-5
by one crop of 320 with the scale jitter of `preresnet-imagenet`, 20.1 % and 4.8 % with crops by
area and aspect, `preresnet-aspect` (Table 5).
"""

from dataclasses import replace

from convatlas.facts.papers import HE2016B
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import (
    BORDER,
    LARGE,
    SHIFTED,
    SMALL,
    STEPS,
    TORCH,
    scaled,
)

_DECAY = "Decay of biases and norms is not stated: as of weights, as in fb.resnet.torch."

_CIFAR = NamedRecipe(
    name="preresnet-cifar",
    about="He et al. 2016 (identity mappings), CIFAR: warm-up of 400 of 64,000 steps.",
    paper=HE2016B,
    nets=(
        "preresnet164_cifar",
        "preresnet*_cifar",
        "resnet164_cifar",
        "resnet1001_cifar",
        "resnet110_1layer_cifar",
        "resnet1*_bn_after_addition_cifar",
        "resnet1*_relu_before_addition_cifar",
        "resnet1*_relu_preactivation_cifar",
        "resnet110_shortcut_*_cifar",
        "resnet110_*_gates_cifar",
    ),
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
        warmup="constant",
        warmup_start=0.1,
        warmup_share=400 / 64_000,
    ),
    places={
        "epochs": "ResNet, section 4.2: 64,000 iterations",
        "batch_size": "appendix",
        "shift": "ResNet, section 4.2: 4 pixels padded on each side",
        "flip": "appendix",
        "learning_rate": "appendix",
        "momentum": "appendix",
        "weight_decay": "appendix",
        "milestones": "appendix: at 32k and 48k iterations",
        "decay_factor": "appendix: divided by 10",
        "warmup_start": "appendix: 0.01",
        "warmup_share": "appendix: 400 iterations",
    },
    departs=(BORDER, _DECAY),
)

_IMAGENET = NamedRecipe(
    name="preresnet-imagenet",
    about="He et al. 2016 (identity mappings), ImageNet: scale jitter, a tenth at 30 and 60.",
    paper=HE2016B,
    nets=(
        "preresnet200",
        "preresnet152",
        "preresnet101",
        "preresnet50",
        "resnet200",
        "resnet101_bn_after_addition",
    ),
    sides=LARGE,
    epochs=90,
    recipe=replace(
        STEPS,
        batch_size=256,
        augmentation=scaled(256, 480, 224, pca_colour=0.1),
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        decay_spared=1e-4,
        milestones=(30 / 90, 60 / 90),
    ),
    places={
        "batch_size": "appendix: 32 on each of 8 GPUs",
        "short_side": "appendix: as in ResNet, section 3.4",
        "pca_colour": "appendix: as in ResNet, section 3.4",
        "learning_rate": "appendix",
        "momentum": "appendix",
        "weight_decay": "appendix",
        "milestones": "appendix: at 30 and 60 epochs",
        "decay_factor": "appendix: divided by 10",
    },
    departs=("The length is not stated: 90 epochs, as in fb.resnet.torch.", _DECAY),
)

_ASPECT = replace(
    _IMAGENET,
    name="preresnet-aspect",
    about="He et al. 2016 (identity mappings), ImageNet: crops by area and aspect.",
    nets=("preresnet200_v15", "preresnet50_v15", "preresnet1*_v15", "preresnet200", "resnetv2_*"),
    recipe=replace(_IMAGENET.recipe, augmentation=TORCH, nesterov=True),
    places={
        **{field: place for field, place in _IMAGENET.places.items() if field != "short_side"},
        "crop_area": "section 5, Table 5: scale and aspect augmentation, in fb.resnet.torch",
        "brightness": "fb.resnet.torch, datasets/imagenet.lua",
        "pca_colour": "fb.resnet.torch, datasets/imagenet.lua",
        "nesterov": "fb.resnet.torch, train.lua",
        "epochs": "fb.resnet.torch, opts.lua",
        "decay_spared": "fb.resnet.torch, train.lua: all parameters",
    },
    departs=(),
)

RECIPES = (_CIFAR, _IMAGENET, _ASPECT)
