"""Inception v3: `convatlas train imagenet/ --net inception_v3 --recipe inception-v3`.

50 Kepler GPUs with 32 images each, 100 epochs (section 8). Expected on the 48,238 validation images
that are not blacklisted, by one crop: 21.2 % top-1, 5.6 % top-5 (Table 3).
"""

from dataclasses import replace

from convatlas.facts.papers import SZEGEDY2016
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import INCEPTION, LARGE, NO_BOXES, PLAIN

_MODEL = "tensorflow/models, inception/inception_model.py"
_TRAIN = "tensorflow/models, inception/inception_distributed_train.py"

_INCEPTION_V3 = NamedRecipe(
    name="inception-v3",
    about="Szegedy et al. 2016: RMSProp, smoothed labels, clipped gradients, one head.",
    paper=SZEGEDY2016,
    nets=("inception_v3", "inception_v3_figure"),
    sides=LARGE,
    spec={"aux": True},
    requires=frozenset({"auxiliary heads"}),
    epochs=100,
    recipe=replace(
        PLAIN,
        batch_size=1600,
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
        auxiliary_weight=0.4,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "epochs": "section 8",
        "batch_size": f"section 8: 50 replicas of 32; synchronous in {_TRAIN}",
        "crop_area": "GoogLeNet, section 6",
        "brightness": "tensorflow/models, inception/image_processing.py",
        "hue": "tensorflow/models, inception/image_processing.py",
        "optimizer": "section 8",
        "learning_rate": "section 8",
        "momentum": _TRAIN,
        "squares": "section 8",
        "epsilon": "section 8",
        "weight_decay": _MODEL,
        "gradient_clip": "section 8",
        "decay_factor": "section 8",
        "decay_every": "section 8: every two epochs",
        "label_smoothing": "section 7",
        "auxiliary_weight": _MODEL,
        "average": "section 8: a running average of the parameters",
        "ema_decay": _MODEL,
        "aux": "section 4",
    },
    departs=(
        "A brighter image is a multiple here; the released code adds a constant.",
        NO_BOXES,
    ),
)

RECIPES = (_INCEPTION_V3,)
