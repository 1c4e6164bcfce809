"""Two nets' outcomes brought to the same images in the same order, classes numbered alike."""

from dataclasses import replace

import numpy as np

from convatlas.errors import UserError
from convatlas.evaluation._outcomes import Outcomes
from convatlas.evaluation._scored import Scored


def outcomes_like(other: Scored, first: Scored) -> Outcomes:
    """The outcomes of `other`, image by image and class by class as `first` has them.

    Raises:
        UserError: if images, classes or labels differ, naming the first that does.
    """
    order = _places(other, first)
    number = _numbers(other, first)
    found = other.outcomes
    aligned = Outcomes(
        truth=number[found.truth[order]],
        predicted=number[found.predicted[order]],
        rank=found.rank[order],
        confidence=found.confidence[order],
        loss=found.loss[order],
    )
    different = aligned.truth != first.truth
    if different.any():
        place = int(different.argmax())
        raise UserError(
            f"Image {first.names[place]!r} is of class {first.classes[first.truth[place]]!r} for "
            f"{first.model!r} and of {first.classes[aligned.truth[place]]!r} for {other.model!r}. "
            "Compare scores of the same labelled images."
        )
    return replace(aligned, truth=np.asarray(first.truth))


def _places(other: Scored, first: Scored) -> np.ndarray:
    """Where the images of `first` stand in `other`."""
    if list(other.names) == list(first.names):
        return np.arange(len(first))
    place = {name: i for i, name in enumerate(other.names)}
    missing = next((name for name in first.names if name not in place), None)
    if missing is not None:
        raise _other_images(missing, first, other)
    known = set(first.names)
    extra = next((name for name in other.names if name not in known), None)
    if extra is not None:
        raise _other_images(extra, other, first)
    if len(place) != len(first) or len(other) != len(first):
        raise UserError(
            f"{first.model!r} has {len(first):,} scores and {other.model!r} {len(other):,} for "
            f"{len(place):,} names: some name stands for several images. "
            "Score both on one data set."
        )
    return np.array([place[name] for name in first.names], np.int64)


def _other_images(name: str, has: Scored, lacks: Scored) -> UserError:
    return UserError(
        f"Image {name!r} was scored by {has.model!r} ({len(has):,} images) and not by "
        f"{lacks.model!r} ({len(lacks):,}). Only scores of the same images can be compared: "
        "score both on the same data and split."
    )


def _numbers(other: Scored, first: Scored) -> np.ndarray:
    """For each class of `other`, its number in `first`."""
    place = {name: i for i, name in enumerate(first.classes)}
    unknown = sorted(set(other.classes) ^ set(first.classes))
    if unknown:
        raise UserError(
            f"{first.model!r} and {other.model!r} do not have the same classes: "
            f"{unknown[0]!r} is known to one of them only"
            f"{f', like {len(unknown) - 1} more' if len(unknown) > 1 else ''}. "
            "Compare nets with the same classes."
        )
    return np.array([place[name] for name in other.classes], np.int64)
