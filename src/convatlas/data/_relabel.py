"""A split labelled as a model's classes are numbered."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from convatlas.data._types import SPLITS, Dataset, Split
from convatlas.errors import UserError


def split_of(dataset: Dataset, name: str) -> Split:
    """The split called `name`.

    Raises:
        UserError: for another name than train, val, test.
    """
    if name not in SPLITS:
        raise UserError(f"No split named {name!r}. Give one of: {', '.join(SPLITS)}.")
    return {split.name: split for split in dataset.splits}[name]


def labelled_as(dataset: Dataset, name: str, classes: tuple[str, ...]) -> Split:
    """The split `name` with labels that number `classes`, a model's, instead of the data set's.

    Raises:
        UserError: if the data set has a class that the model does not know.
    """
    split = split_of(dataset, name)
    return replace(split, labels=numbering(dataset.classes, classes)[split.labels])


def numbering(own: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each class of the data its number among `classes`, a model's.

    Raises:
        UserError: if the data has a class that the model does not know; both differences are named.
    """
    position = {label: index for index, label in enumerate(classes)}
    unknown = [label for label in own if label not in position]
    if unknown:
        known = set(own)
        without = [label for label in classes if label not in known]
        raise UserError(
            f"The model does not know {len(unknown)} of the data's {len(own)} classes: "
            f"{_quoted(unknown, 5)}. It knows {_quoted(classes, 10)}. "
            f"Of these the data lacks {_quoted(without, 5) if without else 'none'}. "
            "Evaluate on data with the same class names."
        )
    return np.array([position[label] for label in own], dtype=np.int64)


def remark_on_order(own: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """What a person should know of data whose classes are fewer, or in another order."""
    remarks = []
    known = set(own)
    shared = [label for label in classes if label in known]
    if shared != list(own):
        first = next(i for i, (a, b) in enumerate(zip(own, shared, strict=True)) if a != b)
        remarks.append(
            f"The model lists the classes in another order than the data ({shared[first]!r} comes "
            f"where the data has {own[first]!r}); labels are matched by name."
        )
    if len(shared) < len(classes):
        missing = [label for label in classes if label not in known]
        remarks.append(
            f"{len(missing)} of the model's {len(classes)} classes have no images here: "
            f"{_quoted(missing, 5)}."
        )
    return tuple(remarks)


def _quoted(names: Sequence[str], most: int) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + rest
