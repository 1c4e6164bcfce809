"""A net whose cost is asked for: a variant, a bundle, or a person's own module."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convatlas.cli._fixed import refuse_changes
from convatlas.cli._python_file import is_python_file, load_net
from convatlas.cli._target import Changes, build_net

if TYPE_CHECKING:
    from torch import nn

    from convatlas.analysis import Graph
    from convatlas.facts.accuracies import Published

_OWN_SHAPE = (3, 224, 224)
_SHAPE = re.compile(r"(\d+)[xX](\d+)[xX](\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A net without weights, traced for images of `shape` (channels, height, width)."""

    name: str
    net: "nn.Module"
    shape: tuple[int, int, int]
    graph: "Graph"
    published: "tuple[Published, ...]"  # errors of the paper's own net; none of a changed one


def parse_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width of "3x224x224".

    Raises:
        UserError: for another form.
    """
    from convatlas.errors import UserError

    found = _SHAPE.fullmatch(text.strip())
    shape = tuple(int(part) for part in found.groups()) if found else ()
    if len(shape) != 3 or min(shape) < 1:
        raise UserError(
            f"--input {text!r} is no shape. Write channels x height x width, such as 3x224x224."
        )
    return shape[0], shape[1], shape[2]


def subjects(
    targets: Sequence[str], changes: Changes, shape: tuple[int, int, int] | None
) -> list[Subject]:
    """The nets that were asked for, in order.

    Args:
        shape: of the images; None: the variant's own, for a Python file 3x224x224.

    Raises:
        UserError: for what is no net, or does not take the images.
    """
    if shape is not None:
        _check_agreement(changes, shape)
    return [_subject(target, changes, shape) for target in targets]


def _check_agreement(changes: Changes, shape: tuple[int, int, int]) -> None:
    from convatlas.errors import UserError

    square = shape[1] if shape[1] == shape[2] else changes.side
    said = {"--channels": (changes.channels, shape[0]), "--side": (changes.side, square)}
    for option, (given, own) in said.items():
        if given is not None and given != own:
            raise UserError(
                f"{option} {given} and --input {'x'.join(map(str, shape))} contradict each other. "
                "Give one of them."
            )


def _subject(target: str, changes: Changes, shape: tuple[int, int, int] | None) -> Subject:
    from convatlas.analysis import trace, without_weights
    from convatlas.errors import UserError
    from convatlas.facts.accuracies import published

    if is_python_file(target):
        if changes.as_fields():
            raise UserError(
                f"{target!r} makes its own net, which --side, --width and the like cannot change. "
                "Give --input for another shape of the images."
            )
        net, own = load_net(target), shape or _OWN_SHAPE
        return Subject(name=target, net=net, shape=own, graph=trace(net, own), published=())
    refuse_changes(target, changes)
    if target.endswith(".onnx"):
        raise UserError(f"{target!r} cannot be counted. Give the bundle that it was exported from.")
    with without_weights():
        built, own = build_net(target, _with_shape(target, changes, shape))
    own = shape or own
    known = () if changes.as_fields() or shape else published(target)
    return Subject(name=target, net=built, shape=own, graph=trace(built, own), published=known)


def _with_shape(target: str, changes: Changes, shape: tuple[int, int, int] | None) -> Changes:
    """The changes that building for `shape` needs; a trained net is what it is."""
    from pathlib import Path

    if shape is None or Path(target).is_dir():
        return changes
    side = shape[1] if shape[1] == shape[2] else changes.side
    return Changes(
        side=side, width=changes.width, channels=shape[0], classes=changes.classes,
        memory_efficient=changes.memory_efficient,
    )  # fmt: skip
