"""Variants of the zoo that no paper's recipe was made for, and why."""

from fnmatch import fnmatchcase

WITHOUT = {  # pattern: reason
    "*_small": "a net of ours; `small-data` was made for it",
    "condensenet*_condensed": "made from a trained CondenseNet, not trained itself",
    "highway_*_fc_mnist": "its paper drew hyperparameters at random (section 3.1)",
    "plain_*_fc_mnist": "its paper drew hyperparameters at random (section 3.1)",
    "igcv2_mobile*": "its paper's recipe for ImageNet could not be read",
    "igcv3_d_cifar100": "its paper's recipe for CIFAR could not be read",
    "vgg_*_bn": "a form of the libraries, in no paper",
}


def why_none(variant: str) -> str | None:
    """Why no paper's recipe was made for a variant; None where one was, or might be."""
    for pattern, reason in WITHOUT.items():
        if fnmatchcase(variant, pattern):
            return reason
    return None
