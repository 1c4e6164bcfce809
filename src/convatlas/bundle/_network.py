"""The network that a description names, built without weights and never larger than its file."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from convatlas import models
from convatlas.bundle._info import BundleInfo
from convatlas.bundle._text import parts
from convatlas.bundle._weights import MAX_TENSORS, Form, forms_of
from convatlas.data import Preprocessing
from convatlas.errors import UserError

_SPARE_BYTES = 1_000_000  # beyond twice the weights file
_LARGEST_NUMBER = 1_000_000  # in a spec
_MODULES_PER_TENSOR = 20
_SHOWN_DIFFERENCES = 3


class _TooLarge(Exception):
    """The network needs more than its weights file holds."""


def network_of(file: Path, info: BundleInfo, weights_bytes: int) -> nn.Module:
    """The network that `info` names, on the meta device.

    Raises:
        UserError: if there is no such network, or one far larger than `weights_bytes`.
    """
    spec = spec_of(file, info)
    try:
        with torch.device("meta"), _bounded(2 * weights_bytes + _SPARE_BYTES):
            return models.from_spec(info.family, spec)
    except _TooLarge as error:
        raise UserError(
            f"{str(file)!r}: spec describes a net of more than {error} while its weights file has "
            f"{weights_bytes:,} bytes. The bundle is damaged; use the original."
        ) from error
    except (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError, AssertionError) as e:
        raise UserError(
            f"{str(file)!r}: no net of family {info.family!r} can be built from spec: {e} "
            "Mend the spec or use the original."
        ) from e


def check_agreement(file: Path, info: BundleInfo) -> Preprocessing:
    """The preprocessing of `info`, once it and the classes fit the spec.

    Raises:
        UserError: naming the fields that contradict each other.
    """
    try:
        preprocessing = Preprocessing.from_dict(info.preprocessing)
    except (ValueError, TypeError) as error:
        raise UserError(f"{str(file)!r}: {error}") from error
    for name, of_spec, other, value in (
        ("num_classes", info.spec.get("num_classes"), "classes", len(info.classes)),
        ("input_side", info.spec.get("input_side"), "preprocessing.side", preprocessing.side),
        ("in_channels", info.spec.get("in_channels"), "preprocessing.channels",
         preprocessing.channels),
    ):  # fmt: skip
        if of_spec != value:
            raise UserError(
                f"{str(file)!r} contradicts itself: spec.{name} is {of_spec}, {other} says "
                f"{value}. Make them equal or use the original."
            )
    return preprocessing


def check_same(file: Path, net: nn.Module, found: Mapping[str, Form]) -> None:
    """Refuse weights that are not those of `net`.

    Raises:
        UserError: with the first tensors that differ.
    """
    wanted = forms_of(net)
    names = [*wanted, *(name for name in found if name not in wanted)]
    told = [
        f"{name}: {found.get(name, 'absent')} in the file, {wanted.get(name, 'absent')} in the net"
        for name in names
        if found.get(name) != wanted.get(name)
    ]
    if told:
        shown = "; ".join(told[:_SHOWN_DIFFERENCES])
        more = f"; and {len(told) - _SHOWN_DIFFERENCES} more" if told[_SHOWN_DIFFERENCES:] else ""
        raise UserError(
            f"{str(file)!r} holds the weights of another net than bundle.json names: "
            f"{shown}{more}. Put the two files of one bundle together."
        )


def spec_of(file: Path, info: BundleInfo) -> dict[str, Any]:
    """The spec's values, each of the type that the family's spec declares.

    A field that the bundle lacks and that has a default came after it: the default is what was.

    Raises:
        UserError: naming the first field that is not.
    """
    families = models.families()
    if info.family not in families:
        known = ", ".join(families)
        raise UserError(
            f"{str(file)!r}: family {info.family!r} is not known here. Known: {known}. "
            "Upgrade: pip install --upgrade convatlas."
        )
    kind = type(next(iter(families[info.family].variants.values())))
    declared = [field.name for field in fields(kind)]
    if not set(declared) - set(models.later_fields(kind)) <= set(info.spec) <= set(declared):
        raise UserError(
            f"{str(file)!r}: spec has the fields {sorted(info.spec)}; family {info.family!r} has "
            f"{sorted(declared)}. Mend the spec or use the original."
        )
    hints = get_type_hints(kind)
    given = [name for name in declared if name in info.spec]
    return {name: _value(file, name, info.spec[name], hints[name]) for name in given}


def _value(file: Path, name: str, value: Any, kind: Any) -> Any:
    text = json.dumps(value)
    try:
        _check_numbers(value)
        return TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
    except ValueError as error:
        reason = str(error)
    raise UserError(
        f"{str(file)!r}: spec.{name} is {text[:60]}: {reason}. Mend it or use the original."
    )


def _check_numbers(value: Any) -> None:
    if isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER:
        raise ValueError(f"numbers up to {_LARGEST_NUMBER:,} are allowed")
    for inner in parts(value):
        _check_numbers(inner)


@contextmanager
def _bounded(most_bytes: int) -> Iterator[None]:
    """Stop building in this thread once the net has too many bytes, tensors or modules."""
    thread = threading.get_ident()
    seen = {"bytes": 0, "tensors": 0, "modules": 0}
    most = {
        "bytes": most_bytes,
        "tensors": MAX_TENSORS,
        "modules": MAX_TENSORS * _MODULES_PER_TENSOR,
    }

    def count(**amounts: int) -> None:
        if threading.get_ident() == thread:
            for what, amount in amounts.items():
                seen[what] += amount
                if seen[what] > most[what]:
                    raise _TooLarge(f"{most[what]:,} {what}")

    def parameter(module: nn.Module, name: str, value: nn.Parameter | None) -> None:
        if value is not None:
            count(bytes=value.numel() * value.element_size(), tensors=1)

    def submodule(module: nn.Module, name: str, value: nn.Module | None) -> None:
        count(modules=1)

    hooks = [
        register_module_parameter_registration_hook(parameter),
        register_module_module_registration_hook(submodule),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
