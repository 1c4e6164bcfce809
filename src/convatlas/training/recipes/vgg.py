"""VGG: `convatlas train imagenet/ --net vgg_d --recipe vgg-s256`, then `--recipe vgg-jitter`.

Four Titan Black, two to three weeks a net (section 3.3). Expected on ImageNet's validation images
for net D: 27.0 % top-1 after S = 256, 26.8 % after S = 384, 25.6 % after S in [256, 512] (Table 3,
whole images at one scale).

`vgg-s384` goes on from the weights of `vgg-s256`, `vgg-jitter` from those of `vgg-s384`: give them
with `--from`. The deeper nets of the paper began with layers of the trained net A; it found later
that random weights by Glorot and Bengio do as well, and those are taken here.
"""

from dataclasses import replace

from convatlas.models.vgg import SIMONYAN2015
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_S256 = NamedRecipe(
    name="vgg-s256",
    about="Simonyan and Zisserman 2015, images of 256 pixels; Glorot's weights.",
    paper=SIMONYAN2015,
    nets=("vgg_d", "vgg_[a-e]", "vgg_a_lrn"),
    sides=LARGE,
    epochs=74,
    recipe=replace(
        PLAIN,
        batch_size=256,
        augmentation=scaled(256, 256, 224, pca_colour=0.1),
        optimizer="sgd_inside",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        initial="xavier",
        schedule="plateau",
        decay_factor=0.1,
        decays=3,
        patience=3,
        validations=37,
    ),
    places={
        "epochs": "section 3.1: 74 epochs, 370k iterations",
        "batch_size": "section 3.1",
        "optimizer": "section 3.1: as AlexNet's; section 3.3: in Caffe",
        "short_side": "section 3.1: S = 256",
        "flip": "section 3.1",
        "pca_colour": "section 3.1: RGB colour shift as AlexNet's",
        "learning_rate": "section 3.1",
        "momentum": "section 3.1",
        "weight_decay": "section 3.1",
        "initial": "section 3.1: without pre-training, by Glorot and Bengio",
        "schedule": "section 3.1: when the validation accuracy stopped improving",
        "decay_factor": "section 3.1: by 10",
        "decays": "section 3.1: three times",
    },
    departs=(
        "How long an accuracy must stand still is not stated: 3 of 37 validations.",
        "The paper's nets B to E began with layers of the trained net A.",
        "Decay of biases is not stated: none.",
    ),
)
_LATER = "Length and decays of the later phases are not stated: those of the first."

_S384 = replace(
    _S256,
    name="vgg-s384",
    about="Simonyan and Zisserman 2015, images of 384 pixels, from the weights of vgg-s256.",
    recipe=replace(
        _S256.recipe,
        augmentation=scaled(384, 384, 224, pca_colour=0.1),
        learning_rate=0.001,
        initial="own",
    ),
    places={
        **{field: place for field, place in _S256.places.items() if field != "initial"},
        "short_side": "section 3.1: S = 384",
        "learning_rate": "section 3.1: a smaller one of 0.001",
    },
    departs=(_S256.departs[0], _S256.departs[2], _LATER),
)

_JITTER = replace(
    _S384,
    name="vgg-jitter",
    about="Simonyan and Zisserman 2015, S drawn from [256, 512], from the weights of vgg-s384.",
    recipe=replace(_S384.recipe, augmentation=scaled(256, 512, 224, pca_colour=0.1)),
    places={
        **_S384.places,
        "short_side": "section 3.1: S drawn from [256, 512]",
        "learning_rate": "section 3.1: fine-tuning as for S = 384",
    },
)

RECIPES = (_S256, _S384, _JITTER)
