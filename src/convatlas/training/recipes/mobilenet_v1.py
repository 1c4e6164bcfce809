"""MobileNets: `convatlas train imagenet/ --net mobilenet_v1 --recipe mobilenet-v1`.

Asynchronous, as Inception v3 (section 3.2); the paper states no machine. Expected on ImageNet's
validation images: 29.4 % top-1 at full width and 224 pixels (Table 8).
"""

from dataclasses import replace

from convatlas.facts.papers import HOWARD2017
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN

_MOBILENET_V1 = NamedRecipe(
    name="mobilenet-v1",
    about="Howard et al. 2017: RMSProp, no decay of depthwise filters, mild crops.",
    paper=HOWARD2017,
    nets=("mobilenet_v1", "mobilenet_v1_w0*", "mobilenet_v1_1*", "conv_mobilenet", "shallow_*"),
    sides=LARGE,
    epochs=300,
    recipe=replace(
        PLAIN,
        batch_size=96,
        augmentation=replace(PATCHES, crop_area=(0.2, 1.0)),
        optimizer="rmsprop",
        learning_rate=0.045,
        momentum=0.9,
        squares=0.9,
        epsilon=1.0,
        weight_decay=4e-5,
        decay_depthwise=0.0,
        schedule="exponential",
        decay_factor=0.98,
        decay_every=1 / 300,
    ),
    places={
        "batch_size": "MobileNetV2, section 6.1",
        "crop_area": "section 3.2: the size of small crops is limited",
        "optimizer": "section 3.2",
        "learning_rate": "MobileNetV2, section 6.1: MobileNetV1's setup",
        "momentum": "Inception v3: tensorflow/models, inception/inception_distributed_train.py",
        "squares": "section 3.2: similar to Inception v3, section 8",
        "epsilon": "section 3.2: similar to Inception v3, section 8",
        "weight_decay": "MobileNetV2, section 6.1",
        "decay_depthwise": "section 3.2: very little or no weight decay",
        "decay_factor": "MobileNetV2, section 6.1: MobileNetV1's setup",
        "decay_every": "MobileNetV2, section 6.1: per epoch",
        "label_smoothing": "section 3.2: none",
    },
    departs=(
        "How far small crops were limited is not stated: from 20 % of the area.",
        "The length is not stated: 300 epochs, after which the rate is 0.2 % of the first.",
        "Steps were asynchronous.",
    ),
)

RECIPES = (_MOBILENET_V1,)
