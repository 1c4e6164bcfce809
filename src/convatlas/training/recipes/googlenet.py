"""GoogLeNet: `convatlas train imagenet/ --net googlenet --recipe googlenet`.

On CPUs, asynchronously; "a few high-end GPUs within a week" is the paper's estimate (section 6).
Expected on ImageNet's validation images: 10.07 % top-5 by one crop, 7.89 % by 144 (Table 3).

The paper leaves the rate, the batch and the length open; they are those of its port to Caffe, made
with help of its authors. `googlenet-quick` is the port's shorter schedule: 31.3 % top-1, 11.1 %
top-5 by the centre crop after 60 epochs, with plain crops (models/bvlc_googlenet/readme.md).
"""

from dataclasses import replace

from convatlas.models.googlenet import SZEGEDY2015
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PATCHES, PLAIN, scaled

_NETS = ("googlenet", "googlenet_naive", "googlenet_3x3")
_SOLVER = "BVLC/caffe, models/bvlc_googlenet/solver.prototxt"

_GOOGLENET = NamedRecipe(
    name="googlenet",
    about="Szegedy et al. 2015: heads at 0.3, 4 % less every 8 epochs, averaged weights.",
    paper=SZEGEDY2015,
    nets=_NETS,
    sides=LARGE,
    spec={"aux": True},
    requires=frozenset({"auxiliary heads"}),
    epochs=250,
    recipe=replace(
        PLAIN,
        batch_size=32,
        augmentation=replace(PATCHES, brightness=0.5, contrast=0.5, saturation=0.5),
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=2e-4,
        schedule="exponential",
        decay_factor=0.96,
        decay_every=8 / 250,
        auxiliary_weight=0.3,
        average="uniform",
        average_from=0.5,
    ),
    places={
        "epochs": f"{_SOLVER}: 10,000,000 steps of 32",
        "batch_size": "BVLC/caffe, models/bvlc_googlenet/train_val.prototxt",
        "crop_area": "section 6: 8 to 100 % of the area",
        "crop_aspect": "section 6: 3/4 to 4/3",
        "brightness": "section 6: the distortions of Howard 2013 (recalled: 0.5 to 1.5)",
        "learning_rate": _SOLVER,
        "momentum": "section 6",
        "weight_decay": _SOLVER,
        "decay_factor": "section 6: 4 % less",
        "decay_every": "section 6: every 8 epochs",
        "auxiliary_weight": "section 5",
        "average": "section 6: Polyak averaging",
        "aux": "section 5: heads on 4a and 4d",
    },
    departs=(
        "The paper's steps were asynchronous, and its crops changed over the months.",
        "From where weights are averaged is not stated: the second half of the run.",
        "Interpolation is always bilinear; the paper drew one of four.",
    ),
)

_QUICK = replace(
    _GOOGLENET,
    name="googlenet-quick",
    about="The Caffe port of GoogLeNet: 60 epochs, the rate by a square root.",
    epochs=60,
    recipe=replace(
        _GOOGLENET.recipe,
        augmentation=scaled(256, 256, 224),
        optimizer="sgd_inside",
        schedule="polynomial",
        power=0.5,
        average="ema",
        average_from=0.0,
        ema_decay=0.0,
        initial="xavier",
    ),
    places={
        "epochs": "BVLC/caffe, models/bvlc_googlenet/quick_solver.prototxt: 2,400,000 steps of 32",
        "batch_size": "BVLC/caffe, models/bvlc_googlenet/train_val.prototxt",
        "short_side": "models/bvlc_googlenet/readme.md: no scale, aspect or relighting",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": "models/bvlc_googlenet/quick_solver.prototxt",
        "momentum": "models/bvlc_googlenet/quick_solver.prototxt",
        "weight_decay": "models/bvlc_googlenet/quick_solver.prototxt",
        "schedule": "models/bvlc_googlenet/quick_solver.prototxt",
        "power": "models/bvlc_googlenet/quick_solver.prototxt",
        "initial": "models/bvlc_googlenet/readme.md: xavier",
        "auxiliary_weight": "models/bvlc_googlenet/train_val.prototxt",
        "aux": "models/bvlc_googlenet/train_val.prototxt",
    },
    departs=(
        "Images keep their aspect; the port squeezed them to 256x256.",
        "Biases of the port have twice the rate; here the same.",
    ),
)

RECIPES = (_GOOGLENET, _QUICK)
