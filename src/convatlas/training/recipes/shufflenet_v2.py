"""ShuffleNetV2: `convatlas train imagenet/ --net shufflenet_v2_x1_0 --recipe shufflenet-v2`.

The paper states no machine. Expected on ImageNet's validation images by the centre crop: 30.6 %
top-1 at 1x, 25.1 % at 2x (Table 8).
"""

from dataclasses import replace

from convatlas.facts.papers import MA2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN

_V1 = "section 4: as ShuffleNet, section 4"

_SHUFFLENET_V2 = NamedRecipe(
    name="shufflenet-v2",
    about="Ma et al. 2018: as ShuffleNet; biases and norms do not decay.",
    paper=MA2018,
    nets=("shufflenet_v2_x1_0", "shufflenet_v2_x*", "shufflenet_v2_50", "se_shufflenet_v2_*"),
    sides=LARGE,
    epochs=240,
    recipe=replace(
        PLAIN,
        batch_size=1024,
        augmentation=replace(PATCHES, brightness=0.4, contrast=0.4, saturation=0.4),
        learning_rate=0.5,
        momentum=0.9,
        weight_decay=4e-5,
        decay_spared=0.0,
        schedule="linear",
        label_smoothing=0.1,
    ),
    places={
        "epochs": f"{_V1}: 300,000 iterations of 1024",
        "batch_size": _V1,
        "crop_area": "megvii-model/ShuffleNet-Series, ShuffleNetV1/train.py",
        "brightness": "megvii-model/ShuffleNet-Series, ShuffleNetV1/train.py",
        "learning_rate": _V1,
        "momentum": "megvii-model/ShuffleNet-Series, ShuffleNetV1/train.py",
        "weight_decay": _V1,
        "decay_spared": "megvii-model/ShuffleNet-Series, ShuffleNetV2/utils.py",
        "schedule": f"{_V1}: linear",
        "label_smoothing": "megvii-model/ShuffleNet-Series, ShuffleNetV2/utils.py",
    },
    departs=(
        "Crops and smoothing are the released code's, of 2019; the paper refers to ShuffleNet.",
    ),
)

RECIPES = (_SHUFFLENET_V2,)
