"""The label of a shard's image as it is spelt, and the number that it means to a model."""

import json
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from convatlas.data._relabel import numbering, remark_on_order
from convatlas.data._tar import Member
from convatlas.errors import UserError

CLASS_LIST = "classes.txt"
_MOST_BYTES = {"cls": 1_000, "json": 1 << 20}
_FIELDS = ("label", "cls", "class")  # of a .json member, the one that counts first


def read_label(
    file: BinaryIO, shard: str, key: str, image: Member, given: Mapping[str, Member]
) -> str:
    """The text of the .cls member, the label in the .json member, or the folder of the image.

    Args:
        given: members of the sample by their ending; empty in a shard of class folders.

    Raises:
        UserError: if there is none, or it cannot be read.
    """
    for ending in ("cls", "json"):
        if ending in given:
            text = _text(file, shard, given[ending], _MOST_BYTES[ending])
            return text.strip() if ending == "cls" else _label_in(text, shard, given[ending])
    folder = os.path.basename(os.path.dirname(image.name))
    if key != image.name:
        raise UserError(
            f"Shard {shard!r}: image {image.name!r} has no label, though others have. Each needs "
            f"{key + '.cls'!r} or {key + '.json'!r} beside it, in the same shard."
        )
    if folder in ("", ".", ".."):
        raise UserError(
            f"Shard {shard!r}: image {image.name!r} has no label: neither a .cls or .json member "
            "of the same name beside it, nor a class folder in its name."
        )
    return folder


def _text(file: BinaryIO, shard: str, member: Member, most: int) -> str:
    if member.kind != "file" or not 0 < member.size <= most:
        what = f"has {member.size:,} bytes" if member.kind == "file" else f"is a {member.kind}"
        raise UserError(
            f"Shard {shard!r}: label {member.name!r} {what}; a file of 1 to {most:,} is needed."
        )
    raw = os.pread(file.fileno(), member.size, member.offset)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"Shard {shard!r}: label {member.name!r} holds {raw[:20]!r}, which is no text. Write "
            "the class's number or name in it."
        ) from None


def _label_in(text: str, shard: str, member: Member) -> str:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        for name in _FIELDS:
            value = content.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
    raise UserError(
        f"Shard {shard!r}: {member.name!r} holds {text[:40]!r}; a JSON object with a number or a "
        f"name as one of {', '.join(_FIELDS)} is needed."
    )


class Numbered(NamedTuple):
    """For each spelling its number among a model's classes, and what a person should know."""

    numbers: npt.NDArray[np.int64]
    notes: tuple[str, ...]


def class_list(path: str) -> tuple[str, ...] | None:
    """The lines of `classes.txt` beside a shard, or None."""
    try:
        content = (Path(path).parent / CLASS_LIST).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{CLASS_LIST!r} beside {path!r} cannot be read: {error}.") from error
    return tuple(line.strip() for line in content.splitlines() if line.strip())


def number_labels(
    examples: Mapping[str, str], classes: Sequence[str], own: Sequence[str] | None
) -> Numbered:
    """What the labels mean: names of classes, or numbers counted from 0 in `own`.

    Without `own`, a list kept beside the shards, numbers count in `classes`, a model's.

    Args:
        examples: every spelling, with the name of an image that has it.

    Raises:
        UserError: if a label is outside the classes, or a number could mean two of them.
    """
    spelt = list(examples)
    if not all(map(_is_number, spelt)) or (_are_numbers(classes) and set(spelt) <= set(classes)):
        names = sorted(spelt)
        position = dict(zip(names, numbering(names, classes).tolist(), strict=True))
        found = np.array([position[text] for text in spelt], np.int64)
        return Numbered(found, remark_on_order(names, classes))
    listed = classes if own is None else own
    outside = [text for text in spelt if int(text) >= len(listed)]
    if outside:
        raise UserError(
            f"Image {examples[outside[0]]!r} has label {outside[0]}, but "
            f"{'the model' if own is None else CLASS_LIST} has {len(listed)} classes, counted from "
            f"0 ({len(outside)} such labels). Evaluate on the data that the net was trained for, "
            f"or list the classes in {CLASS_LIST!r} beside the shards."
        )
    numbers = np.array([int(text) for text in spelt], np.int64)
    if own is not None:
        return Numbered(numbering(own, classes)[numbers], remark_on_order(own, classes))
    _refuse_two_meanings(spelt, classes)
    note = (
        "The labels are numbers and were taken as positions in the model's own list of classes, "
        f"counted from 0 ({classes[0]!r}); {CLASS_LIST!r} beside the shards would name them."
    )
    return Numbered(numbers, (note,))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _are_numbers(classes: Sequence[str]) -> bool:
    """Whether a model's classes are called by ascending numbers, as those of unnamed shards are."""
    if not all(map(_is_number, classes)):
        return False
    numbers = list(map(int, classes))
    return all(a < b for a, b in pairwise(numbers))


def _refuse_two_meanings(spelt: Sequence[str], classes: Sequence[str]) -> None:
    position = {name: place for place, name in enumerate(classes)}
    for text in spelt:
        if position.get(text, int(text)) != int(text):
            raise UserError(
                f"Label {text!r} could mean the class named {text!r} or number {int(text)}, which "
                f"is {classes[int(text)]!r}. List the classes in {CLASS_LIST!r} beside the shards."
            )
