"""Finding and building networks by name; a family is found by its file being in this folder."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from torch import nn

from convatlas.errors import UnknownName, UserError
from convatlas.models._family import Family, Spec
from convatlas.models._plausible import check_plausible


@cache
def families() -> Mapping[str, Family]:
    """Every family by its name, in the order of the names."""
    package = import_module("convatlas.models")
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    found = [import_module(f"convatlas.models.{name}").FAMILY for name in names]
    return {family.name: family for family in found}


@cache
def variants() -> Mapping[str, Family]:
    """Every variant's name with its family."""
    return {name: family for family in families().values() for name in family.variants}


def family_of(name: str) -> Family:
    """The family that variant `name` belongs to.

    Raises:
        UnknownName: with the nearest names.
    """
    if name not in variants():
        raise UnknownName("variant", name, variants(), "`convatlas models`")
    return variants()[name]


def find(pattern: str = "*") -> list[str]:
    """Names of the variants that match a shell pattern, in alphabetical order."""
    return sorted(name for name in variants() if fnmatchcase(name, pattern))


def spec_of(name: str, **changes: Any) -> Spec:
    """The spec of variant `name` with `changes` of its fields.

    Raises:
        UnknownName: for a name or a field that does not exist.
    """
    return _changed(family_of(name).variants[name], changes)


def build(name: str, **changes: Any) -> nn.Module:
    """The network called `name`: `forward(images [n, c, h, w]) -> logits [n, k]`.

    Without `changes` it is the paper's own net, with the paper's number of classes and channels.

    Args:
        changes: fields of the variant's spec (`num_classes=10`, `in_channels=1`, ...).

    Raises:
        UnknownName: for a name or a field that does not exist.
        UserError: for a value that the net cannot be built with.
    """
    spec, present = spec_of(name, **changes), spec_of(name)
    try:
        net = family_of(name).build(spec)
    except UserError:
        raise
    except Exception as error:
        if not changes:
            raise
        _check_changes(changes, present)
        told = ", ".join(f"{field}={value!r}" for field, value in changes.items())
        raise UserError(
            f"{name!r} cannot be built with {told}: {error}. "
            f"`convatlas show {name}` shows its spec."
        ) from error
    _check_changes(changes, present)
    return net


def from_spec(family: str, spec: Mapping[str, Any]) -> nn.Module:
    """The network of `family` with the fields in `spec` (as a bundle stores them).

    A family's own fields that are not there have their defaults: they came after the bundle.
    """
    if family not in families():
        raise UnknownName("family", family, families(), "`convatlas models`")
    found = families()[family]
    kind = type(next(iter(found.variants.values())))
    defaults = later_fields(kind)
    missing = {f.name for f in fields(kind)} - set(spec) - set(defaults)
    if missing:
        raise UserError(f"The spec of family {family!r} lacks {', '.join(sorted(missing))}.")
    template = next(iter(found.variants.values()))
    given = {name: _tupled(value) for name, value in spec.items()}
    return found.build(_changed(template, {**defaults, **given}))


def later_fields(kind: type[Spec]) -> dict[str, Any]:
    """Fields that a stored spec may lack, with their defaults: what a family itself has added."""
    always = {field.name for field in fields(Spec)}
    own = (field for field in fields(kind) if field.name not in always)
    return {field.name: field.default for field in own if field.default is not MISSING}


def _changed(spec: Spec, changes: Mapping[str, Any]) -> Spec:
    known = [f.name for f in fields(spec)]
    for name in changes:
        if name not in known:
            raise UnknownName(f"field of {type(spec).__name__}", name, known, "`convatlas show`")
    return replace(spec, **changes)


def _check_changes(changes: Mapping[str, Any], present: Spec) -> None:
    """What the family let pass, or stumbled over, may still be impossible."""
    for field, value in changes.items():
        check_plausible(field, value, getattr(present, field))


def _tupled(value: Any) -> Any:
    """JSON has lists where specs have tuples."""
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
