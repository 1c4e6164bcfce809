"""Nodes while they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import nn

from convatlas.analysis._ghost import Full
from convatlas.analysis._graph import Node, Shape

BATCH = 2  # images in the forward that is followed: two tell the batch from other sides of one


@dataclass(frozen=True, slots=True)
class Memory:
    """Where an output lies: in its own memory, or in that of the source of number `owner`."""

    owner: int | None = None
    in_place: bool = False
    strides: Full | None = None
    dtype: torch.dtype | None = None


OWN, VIEW, OVER = Memory(), Memory(owner=0), Memory(owner=0, in_place=True)


@dataclass(slots=True)
class Entry:
    """A node that is being written."""

    name: str
    kind: str
    inputs: tuple[int, ...]
    full: Full
    owner: int
    dies: int
    module: nn.Module | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[nn.Parameter, ...] = ()
    in_place: bool = False
    known: bool = True

    def of_function(self, paths: Mapping[int, str]) -> bool:
        """Whether a function wrote it, and no module of the net."""
        return self.module is None or id(self.module) not in paths

    def node(self, entries: Sequence["Entry"]) -> Node:
        return Node(
            name=self.name,
            kind=self.kind,
            inputs=tuple(entries[place].name for place in self.inputs),
            shape=per_image(self.full),
            module=self.module,
            arguments=self.arguments,
            parameters=self.parameters,
            owner=entries[self.owner].name,
            in_place=self.in_place,
            known=self.known,
            dies=self.dies,
        )


def per_image(full: Full) -> Shape:
    """A shape without the batch, which is the first side or, in views, a factor of it."""
    if full and full[0] in (BATCH, 1):  # 1: the same for all images
        return full[1:]
    if full and full[0] % BATCH == 0:
        return (full[0] // BATCH, *full[1:])
    size = prod(full)
    return (size // BATCH,) if size % BATCH == 0 and size else full
