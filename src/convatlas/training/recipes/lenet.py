"""LeNets: `convatlas train mnist/ --net lenet5 --recipe lenet5`.

Two to three days on one 200 MHz R10000 for 20 passes (section III-C, recalled). Expected on MNIST:
0.95 % (section III-B, recalled).

`lenet-caffe` is Caffe's example, whose net Deep Compression calls LeNet-5: 0.80 % (its Table 1).
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.facts.papers import HAN2016
from convatlas.models.lenet import LECUN1998
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import PLAIN, SMALL, STEPS

_SOLVER = "BVLC/caffe, examples/mnist/lenet_solver.prototxt"

_LENET5 = NamedRecipe(
    name="lenet5",
    about="LeCun et al. 1998: one image a step, 20 passes, the rate in five levels.",
    paper=LECUN1998,
    nets=("lenet5",),
    sides=SMALL,
    epochs=20,
    recipe=replace(
        STEPS,
        batch_size=1,
        augmentation=Augmentation(),
        learning_rate=0.001,
        momentum=0.0,
        weight_decay=0.0,
        milestones=(2 / 20, 5 / 20, 8 / 20, 12 / 20),
        decay_factor=0.376,
    ),
    scaling="square root",
    places={
        "epochs": "section III-B (recalled)",
        "batch_size": "appendix C (recalled)",
        "learning_rate": "section III-B: steps of 7e-5 to 0.016 in the first pass (recalled)",
        "momentum": "appendix C: none (recalled)",
        "weight_decay": "appendix C: none (recalled)",
        "milestones": "section III-B: after 2, 5, 8 and 12 passes (recalled)",
        "decay_factor": "section III-B: from 0.0005 to 0.00001 in four decays (recalled)",
    },
    departs=(
        "The paper divides each parameter's rate by its curvature plus 0.02; here all are equal,"
        " at the geometric middle of the steps it reports. 0.01, of them too, does not learn.",
        "The levels 5, 2, 1, 0.5 and 0.1 of the paper are even here: each 0.376 of the last.",
        "The loss is cross entropy of the outputs; the paper's is `layers.map_loss`.",
    ),
)

_CAFFE = NamedRecipe(
    name="lenet-caffe",
    about="Caffe's example for MNIST: 10,000 steps of 64.",
    paper=HAN2016,
    nets=("lenet5_caffe", "lenet300_100"),
    sides=SMALL,
    epochs=10.67,
    recipe=replace(
        PLAIN,
        batch_size=64,
        augmentation=Augmentation(),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        decay_spared=5e-4,
        initial="xavier",
        schedule="exponential",
        decay_factor=0.595 ** (1 / 20),
        decay_every=1 / 20,
    ),
    places={
        "epochs": f"{_SOLVER}: 10,000 steps",
        "batch_size": "BVLC/caffe, examples/mnist/lenet_train_test.prototxt (recalled)",
        "optimizer": "Caffe's SGD: the rate inside the velocity",
        "learning_rate": _SOLVER,
        "momentum": _SOLVER,
        "weight_decay": _SOLVER,
        "decay_spared": "BVLC/caffe, examples/mnist/lenet_train_test.prototxt (recalled)",
        "initial": "BVLC/caffe, examples/mnist/lenet_train_test.prototxt (recalled)",
        "schedule": f"{_SOLVER}: inverse, 0.0001 and 0.75",
    },
    departs=(
        "Caffe's (1 + 0.0001 step)^-0.75 ends at 0.595 of the first rate; here 20 even decays do.",
        "Biases of Caffe's file have twice the rate; here the same.",
        "How Deep Compression trained its two nets for MNIST is not stated.",
    ),
)

RECIPES = (_LENET5, _CAFFE)
