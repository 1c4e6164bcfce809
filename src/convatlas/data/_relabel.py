"""A split labelled as a model's classes are numbered."""

from dataclasses import replace

import numpy as np

from convatlas.data._types import SPLITS, Dataset, Split
from convatlas.errors import UnknownName, UserError


def split_of(dataset: Dataset, name: str) -> Split:
    """The split called `name`.

    Raises:
        UnknownName: for another name than train, val, test.
    """
    if name not in SPLITS:
        raise UnknownName("split", name, SPLITS, "The data set")
    return {split.name: split for split in dataset.splits}[name]


def labelled_as(dataset: Dataset, name: str, classes: tuple[str, ...]) -> Split:
    """The split `name` with labels that number `classes`, a model's, instead of the data set's.

    Raises:
        UserError: if the data set has a class that the model does not know.
    """
    unknown = [c for c in dataset.classes if c not in classes]
    if unknown:
        raise UserError(
            f"The model does not know {len(unknown)} of the data's {len(dataset.classes)} classes: "
            f"{', '.join(map(repr, unknown[:5]))}. It knows {', '.join(map(repr, classes[:10]))}"
            f"{', ...' if len(classes) > 10 else ''}. Evaluate on data with the same class names."
        )
    split = split_of(dataset, name)
    number = np.array([classes.index(c) for c in dataset.classes], dtype=np.int64)
    return replace(split, labels=number[split.labels])
