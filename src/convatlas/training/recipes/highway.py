"""Highway networks: `convatlas train cifar10/ --net highway_19_cifar10 --recipe highway-cifar`.

One GPU (the released code). Expected: 7.72 % on CIFAR-10, 32.39 % on CIFAR-100 (Table 2).

The values are those of the released code. The fully connected nets on MNIST had their
hyperparameters drawn at random (section 3.1), so they have no recipe.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.models.highway import SRIVASTAVA2015
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import FLIPPED, SMALL, STEPS

_EXAMPLES = "flukeskywalker/highway-networks, examples/highways"
_DEPARTS = (
    "The released code pads images of normalised contrast by 8 zeros; here a border is repeated.",
    "Its classifier decays ten times as much, and biases have twice the rate.",
)

_CIFAR = NamedRecipe(
    name="highway-cifar",
    about="Srivastava et al. 2015, CIFAR: a tenth at 1/2, 3/4 and 7/8 of 200,000 steps.",
    paper=SRIVASTAVA2015,
    nets=("highway_19_cifar*",),
    sides=SMALL,
    epochs=400,
    recipe=replace(
        STEPS,
        batch_size=100,
        augmentation=replace(FLIPPED, shift=8 / 32),
        learning_rate=0.025,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-3,
        milestones=(100 / 200, 150 / 200, 175 / 200),
    ),
    places={
        "epochs": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt: 200,000 steps",
        "batch_size": f"{_EXAMPLES}/cifar10-19layers/cifar10_network.prototxt",
        "shift": "flukeskywalker/highway-networks, README.md: 8 pixels padded",
        "flip": f"{_EXAMPLES}/cifar10-19layers/cifar10_network.prototxt",
        "learning_rate": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
        "momentum": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
        "nesterov": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
        "weight_decay": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
        "milestones": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
        "decay_factor": f"{_EXAMPLES}/cifar10-19layers/cifar10_solver.prototxt",
    },
    departs=_DEPARTS,
)

_MNIST = NamedRecipe(
    name="highway-mnist",
    about="Srivastava et al. 2015, MNIST: a tenth at 1/3 and 2/3 of 180,000 steps.",
    paper=SRIVASTAVA2015,
    nets=("highway_10_w*_mnist",),
    sides=SMALL,
    epochs=300,
    recipe=replace(
        STEPS,
        batch_size=100,
        augmentation=Augmentation(),
        learning_rate=0.01,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-3,
        milestones=(60 / 180, 120 / 180),
    ),
    places={
        "epochs": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt: 180,000 steps",
        "batch_size": f"{_EXAMPLES}/mnist-10layers/mnist_network.prototxt",
        "learning_rate": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
        "momentum": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
        "nesterov": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
        "weight_decay": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
        "milestones": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
        "decay_factor": f"{_EXAMPLES}/mnist-10layers/mnist_solver.prototxt",
    },
    departs=_DEPARTS[1:],
)

RECIPES = (_CIFAR, _MNIST)
