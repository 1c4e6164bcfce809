"""A split labelled as a model's classes are numbered."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

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
    position = {label: index for index, label in enumerate(classes)}
    unknown = [label for label in dataset.classes if label not in position]
    if unknown:
        raise UserError(
            f"The model does not know {len(unknown)} of the data's {len(dataset.classes)} classes: "
            f"{_quoted(unknown, 5)}. It knows {_quoted(classes, 10)}. "
            "Evaluate on data with the same class names."
        )
    split = split_of(dataset, name)
    number = np.array([position[label] for label in dataset.classes], dtype=np.int64)
    return replace(split, labels=number[split.labels])


def _quoted(names: Sequence[str], most: int) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + rest
