"""Network in network: `convatlas train cifar10/ --net nin_cifar10 --recipe nin`.

The paper states no machine. Expected: 8.81 % on CIFAR-10 with augmentation, 10.41 % without
(Table 1).

The paper sets rates by hand and lowers them twice by 10 (section 4.1); the values are those of the
authors' file for CIFAR-10 in Caffe's collection, `nin-imagenet` those of the file for ImageNet.
"""

from dataclasses import replace

from convatlas.models.nin import LIN2014, LIN_IMAGENET
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import BORDER, LARGE, SHIFTED, SMALL, STEPS, scaled

_NIN = NamedRecipe(
    name="nin",
    about="Lin et al. 2014, CIFAR: a tenth after 100,000 of 120,000 steps of 128.",
    paper=LIN2014,
    nets=("nin_cifar10", "nin_cifar10_caffe", "nin_cifar100", "nin_svhn", "nin_mnist"),
    sides=SMALL,
    epochs=307,
    recipe=replace(
        STEPS,
        batch_size=128,
        augmentation=SHIFTED,
        optimizer="sgd_inside",
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        milestones=(100 / 120,),
    ),
    places={
        "epochs": "nin-cifar10/solver.prototxt: 120,000 steps",
        "batch_size": "section 4.1",
        "shift": "section 4.2: translation (recalled)",
        "flip": "section 4.2 (recalled)",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": "nin-cifar10/solver.prototxt",
        "momentum": "nin-cifar10/solver.prototxt",
        "weight_decay": "nin-cifar10/solver.prototxt",
        "milestones": "nin-cifar10/solver.prototxt: 100,000 steps",
        "decay_factor": "section 4.1: by 10",
    },
    departs=(
        BORDER,
        "The paper lowers the rate when the training accuracy stops improving, twice.",
        "Images had their contrast normalised and were whitened; here they are only scaled.",
        "How far images were shifted is not stated: by 4 pixels.",
    ),
)

_IMAGENET = NamedRecipe(
    name="nin-imagenet",
    about="The released ImageNet model of network in network: a tenth every 200,000 steps of 64.",
    paper=LIN_IMAGENET,
    nets=("nin_imagenet",),
    sides=LARGE,
    epochs=22.5,
    recipe=replace(
        STEPS,
        batch_size=64,
        augmentation=scaled(256, 256, 224),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        milestones=(200 / 450, 400 / 450),
    ),
    places={
        "epochs": "solver.prototxt: 450,000 steps (recalled)",
        "batch_size": "train_val.prototxt (recalled)",
        "short_side": "train_val.prototxt: crops of 224 from 256 (recalled)",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": "solver.prototxt (recalled)",
        "momentum": "solver.prototxt (recalled)",
        "weight_decay": "solver.prototxt (recalled)",
        "milestones": "solver.prototxt: every 200,000 steps (recalled)",
    },
    departs=("Images keep their aspect; Caffe's were squeezed to 256x256.",),
)

RECIPES = (_NIN, _IMAGENET)
