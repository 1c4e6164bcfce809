"""BN-Inception: `convatlas train imagenet/ --net bn_inception --recipe bn-inception`.

A distributed system like DistBelief, steps of 32 (section 4.2). Expected on ImageNet's validation
images by one crop: 25.2 % top-1 after 6 million steps, of BN-x30; 27.0 % of BN-x5 (Figure 3).

The paper says how rate, decay and schedule differ from those of its Inception and not what those
were; the schedule it starts from here is GoogLeNet's, the decay that of GoogLeNet's port to Caffe.
"""

from dataclasses import replace

from convatlas.models.bn_inception import IOFFE2015
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN

_X30 = NamedRecipe(
    name="bn-inception",
    about="Ioffe and Szegedy 2015, BN-x30: 30 times Inception's rate, six times as fast a decay.",
    paper=IOFFE2015,
    nets=("bn_inception", "bn_inception_caffe"),
    sides=LARGE,
    epochs=150,
    recipe=replace(
        PLAIN,
        batch_size=32,
        augmentation=PATCHES,
        learning_rate=0.045,
        momentum=0.9,
        weight_decay=4e-5,
        schedule="exponential",
        decay_factor=0.96,
        decay_every=8 / 6 / 150,
    ),
    places={
        "epochs": "section 4.2.2: 6 million steps of 32",
        "batch_size": "section 4.2",
        "crop_area": "GoogLeNet, section 6",
        "learning_rate": "section 4.2.2: 0.045, 30 times Inception's 0.0015",
        "weight_decay": "section 4.2.1: a fifth of Inception's; 2e-4 in GoogLeNet's Caffe port",
        "schedule": "section 4.2.1: exponential",
        "decay_factor": "GoogLeNet, section 6: 4 % less",
        "decay_every": "section 4.2.1: 6 times faster; GoogLeNet, section 6: every 8 epochs",
    },
    departs=(
        "Inception's own decay and schedule are not stated: those of GoogLeNet.",
        "The momentum is not stated: 0.9.",
        "Which distortions the paper left out is not stated: no change of colours at all.",
    ),
)

_X5 = replace(
    _X30,
    name="bn-inception-x5",
    about="Ioffe and Szegedy 2015, BN-x5: five times Inception's rate.",
    recipe=replace(_X30.recipe, learning_rate=0.0075),
    places={
        **_X30.places,
        "epochs": "of BN-x30, section 4.2.2: 6 million steps of 32",
        "learning_rate": "section 4.2.2: 0.0075, 5 times Inception's 0.0015",
    },
)

RECIPES = (_X30, _X5)
