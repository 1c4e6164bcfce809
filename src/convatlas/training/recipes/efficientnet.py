"""EfficientNets: `convatlas train imagenet/ --net efficientnet_b0 --recipe efficientnet`.

TPUs; 32 replicas by default in the released code. Expected on ImageNet's validation images by one
crop: 22.9 % top-1, 6.7 % top-5 of B0, 15.7 % and 3.0 % of B7 (Table 2).

The rate of 0.256 belongs to a batch of 4096: the released code has 0.016 for 256.
"""

from dataclasses import replace

from convatlas.facts.papers import TAN2019
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN

_MAIN = "tensorflow/tpu, models/official/efficientnet/main.py"
_UTILS = "tensorflow/tpu, models/official/efficientnet/utils.py"

_EFFICIENTNET = NamedRecipe(
    name="efficientnet",
    about="Tan and Le 2019: RMSProp, 3 % less every 2.4 epochs, averaged weights.",
    paper=TAN2019,
    nets=("efficientnet_b?", "efficientnet_b?_symmetric"),
    sides=LARGE,
    epochs=350,
    recipe=replace(
        PLAIN,
        batch_size=4096,
        augmentation=replace(PATCHES, interpolation="bicubic", rand_augment=(2, 10)),
        optimizer="rmsprop",
        learning_rate=0.256,
        momentum=0.9,
        squares=0.9,
        epsilon=1e-3,
        weight_decay=1e-5,
        schedule="exponential",
        decay_factor=0.97,
        decay_every=2.4 / 350,
        warmup_share=5 / 350,
        label_smoothing=0.1,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "epochs": f"{_MAIN}: 218,949 steps of 2048",
        "batch_size": f"{_MAIN}: 0.016 for 256, so 4096 for section 5.2's 0.256",
        "crop_area": "tensorflow/tpu, models/official/efficientnet/preprocessing.py (recalled)",
        "rand_augment": f"{_MAIN}: 2 operations of magnitude 10, in place of AutoAugment",
        "optimizer": "section 5.2",
        "learning_rate": "section 5.2",
        "momentum": "section 5.2",
        "squares": "section 5.2",
        "epsilon": _UTILS,
        "weight_decay": "section 5.2",
        "decay_factor": "section 5.2",
        "decay_every": "section 5.2: every 2.4 epochs",
        "warmup_share": f"{_MAIN}: 5 epochs",
        "warmup": _UTILS,
        "label_smoothing": _MAIN,
        "ema_decay": _MAIN,
    },
    departs=(
        "RandAugment of the released code takes the place of the paper's AutoAugment.",
        "The paper keeps the step that is best on 25,000 held-out images; here the last is kept.",
        "Biases decay in the released code; here they do not.",
    ),
)

RECIPES = (_EFFICIENTNET,)
