"""What the papers and their released nets do with pixels, by name."""

from collections.abc import Callable
from dataclasses import replace

from convatlas.data import Preprocessing
from convatlas.errors import UnknownName, UserError

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, on the 0..255 scale
_NO_DIVISION = 1 / 255  # a std that leaves the 0..255 scale


def preset(name: str, own: Preprocessing) -> Preprocessing:
    """`own` with mean, std and order of channels as `name` says.

    Raises:
        UserError: if there is none of that name, or it needs colour and `own` is grey.
    """
    if name not in PRESETS:
        raise UnknownName("preprocessing", name, PRESETS, "`convatlas evaluate --help`")
    if own.channels == 1 and name in _COLOUR_ONLY:
        raise UserError(
            f"Preprocessing {name!r} has a mean for each of three colours; this net takes grey "
            "images. Use own, mean_only, minus_one_to_one or zero_to_one."
        )
    return PRESETS[name][0](own)


def described(preprocessing: Preprocessing) -> str:
    """In words: "rgb pixels, mean 0.485 0.456 0.406, std 0.229 0.224 0.225".

    Where the scale stays 0..255 the mean is told on that scale and there is no std.
    """
    kind = preprocessing.channel_order if preprocessing.channels == 3 else "grey"
    whole = all(abs(255 * s - 1) < 1e-9 for s in preprocessing.std)
    if whole:
        means = " ".join(f"{255 * m:.7g}" for m in preprocessing.mean)
        return f"{kind} pixels 0..255, mean {means}"
    means, stds = (
        " ".join(f"{v:.7g}" for v in values) for values in (preprocessing.mean, preprocessing.std)
    )
    return f"{kind} pixels, mean {means}, std {stds}"


def _own(own: Preprocessing) -> Preprocessing:
    return own


def _imagenet(own: Preprocessing) -> Preprocessing:
    return replace(own, mean=_IMAGENET_MEAN, std=_IMAGENET_STD, channel_order="rgb")


def _mean_only(own: Preprocessing) -> Preprocessing:
    return replace(own, std=(_NO_DIVISION,) * own.channels)


def _caffe(own: Preprocessing) -> Preprocessing:
    mean = tuple(value / 255 for value in _CAFFE_MEAN)
    return replace(own, mean=mean, std=(_NO_DIVISION,) * 3, channel_order="bgr")


def _minus_one_to_one(own: Preprocessing) -> Preprocessing:
    return replace(own, mean=(0.5,) * own.channels, std=(0.5,) * own.channels)


def _zero_to_one(own: Preprocessing) -> Preprocessing:
    return replace(own, mean=(0.0,) * own.channels, std=(1.0,) * own.channels)


_COLOUR_ONLY = ("imagenet", "caffe")
PRESETS: dict[str, tuple[Callable[[Preprocessing], Preprocessing], str]] = {
    "own": (_own, "as the net was trained"),
    "imagenet": (_imagenet, "0..1, ImageNet's mean and std of each colour (ResNet's later code)"),
    "mean_only": (_mean_only, "0..255, the net's own mean taken out (VGG, section 2.1)"),
    "caffe": (_caffe, "blue first, 0..255, mean 103.939 116.779 123.68 (VGG's released nets)"),
    "minus_one_to_one": (_minus_one_to_one, "-1..1 (Inception's released nets)"),
    "zero_to_one": (_zero_to_one, "0..1, nothing taken out"),
}
