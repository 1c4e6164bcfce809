"""SqueezeNets: `convatlas train imagenet/ --net squeezenet_1_0 --recipe squeezenet`.

The paper states no machine. Expected on ImageNet's validation images by the centre crop: 42.5 %
top-1, 19.7 % top-5 (Table 2).
"""

from dataclasses import replace

from convatlas.facts.papers import IANDOLA2016
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_SQUEEZENET = NamedRecipe(
    name="squeezenet",
    about="Iandola et al. 2016: from 0.04 in a straight line to 0.",
    paper=IANDOLA2016,
    nets=("squeezenet_1_*",),
    sides=LARGE,
    epochs=68,
    recipe=replace(
        PLAIN,
        batch_size=512,
        augmentation=replace(scaled(256, 256, 227), flip=False),
        optimizer="sgd_inside",
        learning_rate=0.04,
        momentum=0.9,
        weight_decay=2e-4,
        decay_spared=2e-4,
        schedule="linear",
    ),
    places={
        "epochs": "forresti/SqueezeNet, SqueezeNet_v1.0/solver.prototxt: 170,000 steps of 512",
        "batch_size": "forresti/SqueezeNet, README.md: 32 x 16",
        "short_side": "SqueezeNet_v1.0/train_val.prototxt: crops of 227; Caffe's images of 256",
        "flip": "SqueezeNet_v1.0/train_val.prototxt: none",
        "decay_spared": "SqueezeNet_v1.0/train_val.prototxt: biases decay too",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": "section 3.3",
        "momentum": "forresti/SqueezeNet, SqueezeNet_v1.0/solver.prototxt",
        "weight_decay": "forresti/SqueezeNet, SqueezeNet_v1.0/solver.prototxt",
        "schedule": "section 3.3: linearly",
    },
    departs=(
        "An earlier file of the authors' has 0.08, a square root and 85,000 steps of 1024.",
        "Images keep their aspect; Caffe's were squeezed to 256x256.",
    ),
)

RECIPES = (_SQUEEZENET,)
