"""NASNets: `convatlas train imagenet/ --net nasnet_a_4_1056 --recipe nasnet-mobile`.

50 workers with a K40 each (appendix A.7); 100 for the large net in the released code. Expected on
ImageNet's validation images by one crop: 26.0 % top-1, 8.4 % top-5 of NASNet-A (4 @ 1056), 17.3 %
and 3.8 % of NASNet-A (6 @ 4032) (Tables 2 and 3); on CIFAR-10: 3.41 %, 2.65 % with cutout
(Table 1).

Paths are dropped by the nets themselves: their specs have survival probabilities.
"""

from dataclasses import replace

from convatlas.facts.papers import ZOPH2018
from convatlas.training._named import NamedRecipe, Requirement
from convatlas.training.recipes._plain import BORDER, INCEPTION, LARGE, PLAIN, SHIFTED, SMALL

_CODE = "tensorflow/models, research/slim/nets/nasnet/nasnet.py"
_HEADS: frozenset[Requirement] = frozenset({"auxiliary heads"})

_MOBILE = NamedRecipe(
    name="nasnet-mobile",
    about="Zoph et al. 2018, the small net: RMSProp at 2.0, 3 % less every 2.4 epochs.",
    paper=ZOPH2018,
    nets=("nasnet_a_4_1056",),
    sides=LARGE,
    spec={"aux": True},
    requires=_HEADS,
    epochs=312,
    recipe=replace(
        PLAIN,
        batch_size=1600,
        augmentation=INCEPTION,
        optimizer="rmsprop",
        learning_rate=2.0,
        momentum=0.9,
        squares=0.9,
        epsilon=1.0,
        weight_decay=4e-5,
        gradient_clip=10.0,
        schedule="exponential",
        decay_factor=0.97,
        decay_every=2.4 / 312,
        label_smoothing=0.1,
        auxiliary_weight=0.4,
        average="ema",
        ema_decay=0.9999,
    ),
    places={
        "epochs": f"{_CODE}: 250,000 steps",
        "batch_size": f"appendix A.7: 50 workers; {_CODE}: 32 each",
        "crop_area": "appendix A.7: as Inception v3",
        "optimizer": "appendix A.7",
        "learning_rate": f"{_CODE}: 0.04 x 50",
        "momentum": "tensorflow/models, research/slim/train_image_classifier.py",
        "squares": "appendix A.7",
        "epsilon": "appendix A.7",
        "weight_decay": _CODE,
        "gradient_clip": _CODE,
        "decay_factor": _CODE,
        "decay_every": f"{_CODE}: 2.4 epochs",
        "label_smoothing": "appendix A.7",
        "auxiliary_weight": "appendix A.7",
        "ema_decay": "appendix A.7",
        "aux": "appendix A.7: 2/3 of the way up",
    },
    departs=(
        "The paper's rate is Inception v3's, 0.94 every two epochs; the released code's is taken.",
    ),
)

_LARGE = replace(
    _MOBILE,
    name="nasnet-large",
    about="Zoph et al. 2018, the large net: RMSProp at 1.5, 3 % less every 2.4 epochs.",
    nets=("nasnet_a_6_4032", "nasnet_a_6_4032_zero_edges"),
    recipe=replace(_MOBILE.recipe, learning_rate=1.5, weight_decay=5e-5),
    places={
        **_MOBILE.places,
        "batch_size": f"{_CODE}: 100 replicas of 16",
        "learning_rate": f"{_CODE}: 0.015 x 100",
    },
)

_CIFAR = NamedRecipe(
    name="nasnet-cifar",
    about="Zoph et al. 2018, CIFAR-10: 600 epochs along a cosine, with cutout.",
    paper=ZOPH2018,
    nets=("nasnet_a_6_768_cifar",),
    sides=SMALL,
    spec={"aux": True},
    requires=_HEADS,
    epochs=600,
    recipe=replace(
        PLAIN,
        batch_size=32,
        augmentation=replace(SHIFTED, cutout=1 / 2),
        learning_rate=0.025,
        momentum=0.9,
        weight_decay=5e-4,
        gradient_clip=5.0,
        schedule="cosine",
        auxiliary_weight=0.4,
    ),
    places={
        "epochs": _CODE,
        "batch_size": _CODE,
        "cutout": "Table 1; squares of 16 of 32 pixels, as in DeVries and Taylor 2017 (recalled)",
        "learning_rate": _CODE,
        "momentum": "appendix A.6",
        "weight_decay": _CODE,
        "gradient_clip": _CODE,
        "schedule": "appendix A.6: one period of a cosine",
        "auxiliary_weight": _CODE,
        "aux": _CODE,
    },
    departs=(BORDER, "Shifts and mirrors are not stated: as in ResNet, section 4.2."),
)

RECIPES = (_MOBILE, _LARGE, _CIFAR)
