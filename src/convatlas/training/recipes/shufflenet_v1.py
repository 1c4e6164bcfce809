"""ShuffleNets: `convatlas train imagenet/ --net shufflenet_v1_g3_x1_0 --recipe shufflenet-v1`.

Four GPUs, one or two days (section 4). Expected on ImageNet's validation images by the centre crop:
32.6 % top-1 at 1x with 3 groups (Table 2).
"""

from dataclasses import replace

from convatlas.facts.papers import ZHANG2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN

_TRAIN = "megvii-model/ShuffleNet-Series, ShuffleNetV1/train.py"

_SHUFFLENET_V1 = NamedRecipe(
    name="shufflenet-v1",
    about="Zhang et al. 2018: from 0.5 in a straight line to 0 over 300,000 steps of 1024.",
    paper=ZHANG2018,
    nets=("shufflenet_v1_g3_x1_0", "shufflenet_v1_*"),
    sides=LARGE,
    epochs=240,
    recipe=replace(
        PLAIN,
        batch_size=1024,
        augmentation=replace(PATCHES, brightness=0.4, contrast=0.4, saturation=0.4),
        learning_rate=0.5,
        momentum=0.9,
        weight_decay=4e-5,
        schedule="linear",
        label_smoothing=0.1,
    ),
    places={
        "epochs": "section 4: 300,000 iterations of 1024",
        "batch_size": "section 4",
        "crop_area": _TRAIN,
        "brightness": _TRAIN,
        "learning_rate": "section 4",
        "momentum": _TRAIN,
        "weight_decay": "section 4",
        "schedule": "section 4: linear",
        "label_smoothing": _TRAIN,
        "decay_spared": "ShuffleNetV2/utils.py: only weights of more than one axis decay",
    },
    departs=(
        "Crops and smoothing are the released code's, of 2019; the paper says that its scales were "
        "slightly milder than ResNeXt's and names no smoothing.",
        "The released code estimates the norms' statistics again at the end.",
    ),
)

RECIPES = (_SHUFFLENET_V1,)
