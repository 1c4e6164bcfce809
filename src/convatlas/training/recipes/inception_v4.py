"""Inception v4 and Inception-ResNets: `... --net inception_v4 --recipe inception-v4`.

20 Kepler GPUs (section 4). Expected on the validation images that are not blacklisted, by one crop:
20.0 % top-1, 5.0 % top-5 of Inception v4, 19.9 % and 4.9 % of Inception-ResNet-v2 (Table 2).
"""

from dataclasses import replace

from convatlas.models.inception_v4 import SZEGEDY2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import INCEPTION, LARGE, NO_BOXES, PLAIN

_INCEPTION_V4 = NamedRecipe(
    name="inception-v4",
    about="Szegedy et al. 2017: RMSProp, 0.94 every two epochs, averaged weights.",
    paper=SZEGEDY2017,
    nets=("inception_v4*", "inception_resnet_v*"),
    sides=LARGE,
    epochs=100,
    recipe=replace(
        PLAIN,
        batch_size=640,
        augmentation=INCEPTION,
        optimizer="rmsprop",
        learning_rate=0.045,
        momentum=0.9,
        squares=0.9,
        epsilon=1.0,
        weight_decay=4e-5,
        gradient_clip=2.0,
        schedule="exponential",
        decay_factor=0.94,
        decay_every=2 / 100,
        label_smoothing=0.1,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "epochs": "Inception v3, section 8",
        "batch_size": "section 4: 20 replicas; 32 each as in Inception v3, section 8",
        "crop_area": "GoogLeNet, section 6",
        "optimizer": "section 4",
        "learning_rate": "section 4",
        "squares": "section 4",
        "epsilon": "section 4",
        "momentum": "tensorflow/models, inception/inception_distributed_train.py",
        "weight_decay": "tensorflow/models, inception/inception_model.py",
        "gradient_clip": "section 4 of the AAAI version; the threshold of Inception v3",
        "decay_factor": "section 4",
        "decay_every": "section 4: every two epochs",
        "label_smoothing": "Inception v3, section 7",
        "average": "section 4: a running average of the parameters",
        "ema_decay": "tensorflow/models, inception/inception_model.py",
    },
    departs=(
        "Batch, length, decay and smoothing are not stated: those of Inception v3.",
        "The released nets had an auxiliary head, which the paper does not draw; here is none.",
        NO_BOXES,
    ),
)

RECIPES = (_INCEPTION_V4,)
