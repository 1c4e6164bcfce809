"""Single values of a recipe that a person sets: `FIELD=VALUE`, `augmentation.FIELD=VALUE`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from convatlas.data import Augmentation
from convatlas.errors import UserError
from convatlas.training._recipe import Recipe, known

_PART = "augmentation"
_ELSEWHERE = {  # field: the option that does more than setting it
    "steps": "--steps",
    "batch_size": "--batch, which scales the learning rate",
    "seed": "--seed",
    "name": "--recipe",
}


def read_changes(texts: Iterable[str]) -> dict[str, Any]:
    """What `changed` takes, from texts like "momentum=0.95" or "milestones=[0.5, 0.75]".

    A value is JSON where it can be read as JSON, else a text: `schedule=linear` needs no quotes.

    Raises:
        UserError: for a text without "=", a field given twice, or one that has an option.
        UnknownName: for a field that does not exist, with the nearest names.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise UserError(
                f"{text!r} sets nothing. Write FIELD=VALUE, as weight_decay=1e-4 or "
                "augmentation.flip=true."
            )
        if name in found:
            raise UserError(f"{name} is set twice, the second time by {text!r}. Set it once.")
        if name in _ELSEWHERE:
            raise UserError(f"{text!r}: use {_ELSEWHERE[name]}.")
        found[name] = _value(value.strip())
    changed(Recipe(), found)
    return found


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """`recipe` with these fields; those of its augmentation are called `augmentation.FIELD`.

    Raises:
        UnknownName: for a field that does not exist, with the nearest names.
        UserError: for a value out of its range.
    """
    own, parts = {}, {}
    for name, value in changes.items():
        if name.startswith(f"{_PART}."):
            parts[name.removeprefix(f"{_PART}.")] = value
        else:
            own[name] = value
    fields = known(own, Recipe, "recipe")
    before = fields.get(_PART, recipe.augmentation)
    if isinstance(before, Mapping):
        before = Augmentation.from_dict(before)
    if parts:
        before = Augmentation.from_dict({**before.as_dict(), **parts})
    return replace(recipe, **{**fields, _PART: before})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
