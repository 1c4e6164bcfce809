"""AlexNet: `convatlas train imagenet/ --net alexnet --recipe alexnet2012`.

Two GTX 580 of 3 GB, five to six days for 90 cycles through 1.2 million images (section 5). Expected
on ImageNet's validation images: 40.7 % top-1, 18.2 % top-5 by ten crops (Table 2).

`alexnet-owt` is the recipe of the one-tower net of 2014: 90 epochs, the rate falling by 250 in all.
"""

from dataclasses import replace

from convatlas.facts import Paper
from convatlas.models.alexnet import KRIZHEVSKY2012
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

KRIZHEVSKY2014 = Paper(
    "Krizhevsky2014",
    "One weird trick for parallelizing convolutional neural networks",
    "arXiv 2014",
    "arXiv:1404.5997",
)

_OF_2012 = NamedRecipe(
    name="alexnet2012",
    about="Krizhevsky et al. 2012: decay inside the velocity, a tenth on plateau, PCA colour.",
    paper=KRIZHEVSKY2012,
    nets=("alexnet", "alexnet_ungrouped"),
    sides=LARGE,
    epochs=90,
    recipe=replace(
        PLAIN,
        batch_size=128,
        augmentation=scaled(256, 256, 227, pca_colour=0.1),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=3,
        validations=30,
    ),
    places={
        "epochs": "section 5: roughly 90 cycles",
        "batch_size": "section 5",
        "short_side": "section 4.1: patches of 224 from images of 256; 227 in the authors' code",
        "flip": "section 4.1",
        "pca_colour": "section 4.1: standard deviation 0.1",
        "optimizer": "section 5: the update rule",
        "learning_rate": "section 5",
        "momentum": "section 5",
        "weight_decay": "section 5",
        "schedule": "section 5: when the validation error stopped improving",
        "decay_factor": "section 5: divided by 10",
        "decays": "section 5: three times",
    },
    departs=(
        "Patches come from the whole image; the paper's from its central square.",
        "How long an error must stand still is not stated: 3 of 30 validations.",
        "The colours' principal components are those of fb.resnet.torch; the paper prints none.",
        "Decay of biases is not stated: none.",
    ),
)

_OWT = NamedRecipe(
    name="alexnet-owt",
    about="Krizhevsky 2014: the rate falls by 250^(1/3) at each quarter of 90 epochs.",
    paper=KRIZHEVSKY2014,
    nets=("alexnet_owt",),
    sides=LARGE,
    epochs=90,
    recipe=replace(
        PLAIN,
        batch_size=128,
        augmentation=scaled(256, 256, 224),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="steps",
        milestones=(1 / 4, 1 / 2, 3 / 4),
        decay_factor=250 ** (-1 / 3),
    ),
    places={
        "epochs": "section 5: exactly 90 (recalled)",
        "batch_size": "section 5 (recalled)",
        "short_side": "crops of 224 from 256, as in 2012 (recalled)",
        "flip": "as in 2012 (recalled)",
        "optimizer": "cuda-convnet2, as in 2012 (recalled)",
        "learning_rate": "cuda-convnet2, layer-params-223-ce2-1gpu.cfg: base 0.01",
        "momentum": "cuda-convnet2, layer-params-223-ce2-1gpu.cfg",
        "weight_decay": "cuda-convnet2, layer-params-223-ce2-1gpu.cfg",
        "milestones": "section 5: at 25, 50 and 75 % (recalled); the file: 4 levels",
        "decay_factor": "cuda-convnet2, layer-params-223-ce2-1gpu.cfg: 250 in 3 decays",
    },
    departs=(
        "Biases of the authors' file have twice the rate and fall by 10 in all.",
        "Patches come from the whole image; no change of colours is stated.",
    ),
)

RECIPES = (_OF_2012, _OWT)
