"""Darknets: `convatlas train imagenet/ --net darknet19 --recipe darknet19`.

The papers state no machine. Expected on ImageNet's validation images: 27.1 % top-1, 8.8 % top-5 of
Darknet-19 at 224 pixels (YOLO9000, section 3), 22.8 % and 6.2 % of Darknet-53 (YOLOv3, Table 2);
both recalled.
"""

from dataclasses import replace

from convatlas.data import Augmentation
from convatlas.models.darknet import REDMON2017, REDMON2018, REDMON_CODE
from convatlas.training._named import NamedRecipe
from convatlas.training.recipes._plain import LARGE, PLAIN, scaled

_POLYNOMIAL = replace(
    PLAIN,
    batch_size=128,
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    schedule="polynomial",
    power=4.0,
)
_DEPARTS = (
    "Images smaller than the input, from 128 pixels, are drawn there too; here from the input's.",
    "Crops keep their aspect; the code stretches them by up to a third.",
    "Factors of 0.75 to 1.33 for brightness and saturation are 0.75 to 1.25 here.",
)


def _distorted(low: int, high: int, side: int) -> Augmentation:
    """Crops that are turned and coloured as in the released files."""
    crops = scaled(low, high, side)
    return replace(crops, rotate=7.0, brightness=0.25, saturation=0.25, hue=0.1)


_19 = NamedRecipe(
    name="darknet19",
    about="Redmon and Farhadi 2017: the fourth power over 160 epochs.",
    paper=REDMON2017,
    nets=("darknet19",),
    sides=LARGE,
    epochs=160,
    recipe=replace(
        _POLYNOMIAL,
        augmentation=_distorted(256, 448, 256),
        warmup_share=1000 / 1_600_000,
    ),
    places={
        "epochs": "section 3: 160",
        "batch_size": "pjreddie/darknet, cfg/darknet19.cfg",
        "short_side": "cfg/darknet19.cfg: up to 448 for an input of 256",
        "rotate": "cfg/darknet19.cfg: 7 degrees",
        "brightness": "cfg/darknet19.cfg: exposure 0.75",
        "saturation": "cfg/darknet19.cfg: 0.75",
        "hue": "cfg/darknet19.cfg: 0.1",
        "learning_rate": "section 3",
        "momentum": "section 3",
        "weight_decay": "section 3",
        "schedule": "section 3",
        "power": "section 3",
        "warmup_share": "cfg/darknet19.cfg: 1000 steps",
    },
    departs=(*_DEPARTS, "The warm-up is linear; the code's rises by the fourth power."),
)

_53 = replace(
    _19,
    name="darknet53",
    about="Redmon and Farhadi 2018: the fourth power over 800,000 steps of 128.",
    paper=REDMON2018,
    nets=("darknet53", "darknet53_timm"),
    epochs=80,
    recipe=replace(_19.recipe, warmup_share=1000 / 800_000),
    places={
        "epochs": "pjreddie/darknet, cfg/darknet53.cfg: 800,000 steps",
        "batch_size": "cfg/darknet53.cfg",
        "short_side": "cfg/darknet53.cfg: up to 448 for an input of 256",
        "rotate": "cfg/darknet53.cfg: 7 degrees",
        "brightness": "cfg/darknet53.cfg: exposure 0.75",
        "saturation": "cfg/darknet53.cfg: 0.75",
        "hue": "cfg/darknet53.cfg: 0.1",
        "learning_rate": "cfg/darknet53.cfg",
        "momentum": "cfg/darknet53.cfg",
        "weight_decay": "cfg/darknet53.cfg",
        "schedule": "cfg/darknet53.cfg",
        "power": "cfg/darknet53.cfg",
        "warmup_share": "cfg/darknet53.cfg: 1000 steps",
    },
)

_TINY = NamedRecipe(
    name="darknet-tiny",
    about="The released small Darknets: the fourth power over 1,600,000 steps of 128.",
    paper=REDMON_CODE,
    nets=("darknet_tiny", "darknet_reference", "darknet_reference_224"),
    sides=LARGE,
    epochs=160,
    recipe=replace(_POLYNOMIAL, augmentation=_distorted(224, 320, 224)),
    places={
        "epochs": "cfg/tiny.cfg and cfg/darknet.cfg: 1,600,000 steps",
        "batch_size": "cfg/tiny.cfg",
        "short_side": "cfg/tiny.cfg: up to 320 for an input of 224",
        "rotate": "cfg/tiny.cfg: 7 degrees",
        "brightness": "cfg/tiny.cfg: exposure 0.75",
        "saturation": "cfg/tiny.cfg: 0.75",
        "hue": "cfg/tiny.cfg: 0.1",
        "learning_rate": "cfg/tiny.cfg and cfg/darknet.cfg",
        "momentum": "cfg/tiny.cfg and cfg/darknet.cfg",
        "weight_decay": "cfg/tiny.cfg and cfg/darknet.cfg",
        "schedule": "cfg/tiny.cfg and cfg/darknet.cfg",
        "power": "cfg/tiny.cfg and cfg/darknet.cfg",
    },
    departs=(
        *_DEPARTS[1:],
        "The reference net's file changes no colours, and its loss is the squared error.",
    ),
)

RECIPES = (_19, _53, _TINY)
