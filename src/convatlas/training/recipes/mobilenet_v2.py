"""MobileNetV2: `convatlas train imagenet/ --net mobilenet_v2 --recipe mobilenet-v2`.

16 asynchronous GPUs (section 6.1). Expected on ImageNet's validation images: 28.0 % top-1
(Table 4).

`mobilenet-v2-slim` is the released code's: 700,000 steps of 96 on each of 8 GPUs, for 28.0 % as
well, in other words 5.5 million steps of 96.
"""

from dataclasses import replace

from convatlas.facts.papers import SANDLER2018
from convatlas.models.mobilenet_v2 import RELEASE2018
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import INCEPTION, LARGE, PATCHES, PLAIN

_README = "tensorflow/models, research/slim/nets/mobilenet/README.md"
_RMSPROP = replace(
    PLAIN,
    batch_size=96,
    optimizer="rmsprop",
    learning_rate=0.045,
    momentum=0.9,
    squares=0.9,
    epsilon=1.0,
    weight_decay=4e-5,
    schedule="exponential",
    decay_factor=0.98,
)

_PAPER = NamedRecipe(
    name="mobilenet-v2",
    about="Sandler et al. 2018: RMSProp, the rate 2 % less every epoch.",
    paper=SANDLER2018,
    nets=(
        "mobilenet_v2",
        "mobilenet_v2_w*",
        "mobilenet_v2_nonlinear_bottleneck",
        "mobilenet_v2_*_shortcut",
    ),
    sides=LARGE,
    epochs=300,
    recipe=replace(_RMSPROP, augmentation=PATCHES, decay_every=1 / 300),
    places={
        "batch_size": "section 6.1: 96 on each of 16 workers",
        "crop_area": "GoogLeNet, section 6",
        "optimizer": "section 6.1",
        "learning_rate": "section 6.1",
        "momentum": "section 6.1",
        "squares": "section 6.1",
        "epsilon": "tensorflow/models, research/slim/train_image_classifier.py: 1.0",
        "weight_decay": "section 6.1",
        "decay_factor": "section 6.1",
        "decay_every": "section 6.1: per epoch",
    },
    departs=(
        "The length is not stated: 300 epochs, after which the rate is 0.2 % of the first.",
        "Crops are not stated: GoogLeNet's.",
        "Steps were asynchronous.",
    ),
)

_SLIM = replace(
    _PAPER,
    name="mobilenet-v2-slim",
    about="The released code of MobileNetV2: smoothed labels, averaged weights, 412 epochs.",
    paper=RELEASE2018,
    epochs=412,
    recipe=replace(
        _RMSPROP,
        augmentation=INCEPTION,
        decay_every=2.5 / 412,
        label_smoothing=0.1,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "epochs": f"{_README}: 5.5 million steps of 96",
        "batch_size": _README,
        "crop_area": f"{_README}: inception_v2's preprocessing",
        "learning_rate": _README,
        "optimizer": "tensorflow/models, research/slim/train_image_classifier.py",
        "momentum": "tensorflow/models, research/slim/train_image_classifier.py",
        "squares": "tensorflow/models, research/slim/train_image_classifier.py",
        "epsilon": "tensorflow/models, research/slim/train_image_classifier.py",
        "weight_decay": "tensorflow/models, research/slim/train_image_classifier.py",
        "decay_factor": _README,
        "decay_every": f"{_README}: 2.5 epochs on one GPU",
        "label_smoothing": _README,
        "ema_decay": _README,
    },
    departs=("A brighter image is a multiple here; the released code adds a constant.",),
)

RECIPES = (_PAPER, _SLIM)
