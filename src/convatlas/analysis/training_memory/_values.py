"""Tensors of a training step."""

from dataclasses import dataclass

from convatlas.analysis._layer import Layer
from convatlas.analysis.training_memory._ledger import Storage
from convatlas.analysis.training_memory._rules import Row


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the forward pass."""

    storage: Storage
    width: int  # bytes of an element
    sliced: bool = False  # not in one piece
    needs_gradient: bool = True


@dataclass(frozen=True, slots=True)
class Gradient:
    """A tensor of the backward pass; several may share a storage."""

    storage: Storage
    sliced: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A layer that ran, with what it holds until its gradient is computed."""

    layer: Layer
    row: Row
    held: tuple[Storage, ...]
    inputs: tuple[Value, ...]
    casts: frozenset[str]  # inputs that were copied to the lower precision
