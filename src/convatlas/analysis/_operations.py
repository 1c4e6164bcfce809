"""Shapes of the functions and methods that a network's forward uses between its layers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convatlas.analysis._graph import Node, Shape
from convatlas.analysis._shapes import Misfit, flat

Given = tuple[Sequence[Any], Mapping[str, Any]]  # the call's arguments
Found = tuple[Shape, Mapping[str, Any]]  # output shape, arguments of the node

_SAME = {"add_": "add", "sub_": "sub", "mul_": "mul", "concat": "cat", "concatenate": "cat"}


def plain_kind(name: str, given: Given, inputs: Sequence[Node]) -> str | None:
    """The kind of an operation whose shape is computed here; None: it has another form.

    These are sums, differences and products of two maps, joins and splits of channels, and
    flattening: what nets of the papers are made of, and what can be exported.
    """
    kind = _SAME.get(name, name)
    if kind not in _FORMS:
        return None
    return kind if _FORMS[kind](given, inputs) else None


def operate(kind: str, given: Given, inputs: Sequence[Node]) -> Found:
    """Shape and arguments of an operation on `inputs`.

    Raises:
        Misfit: if the shapes do not go together.
    """
    return _OPERATIONS[kind](given, inputs)


def _two_maps(given: Given, inputs: Sequence[Node]) -> bool:
    args, kwargs = given
    alike = len({len(node.shape) for node in inputs}) == 1
    return len(inputs) == len(args) == 2 and alike and not kwargs


def _joined_channels(given: Given, inputs: Sequence[Node]) -> bool:
    args, _ = given
    of_net = len(args) > 0 and len(inputs) == len(args[0])  # and no tensor from elsewhere
    return of_net and argument(given, 1, "dim", 0) == 1


def _split_channels(given: Given, inputs: Sequence[Node]) -> bool:
    return argument(given, 2, "dim", 0) == 1


def _all_but_batch(given: Given, inputs: Sequence[Node]) -> bool:
    return (argument(given, 1, "start_dim", 0), argument(given, 2, "end_dim", -1)) == (1, -1)


def _broadcast(given: Given, inputs: Sequence[Node]) -> Found:
    first, second = (node.shape for node in inputs)
    fits = len(first) == len(second) and all(
        a == b or 1 in (a, b) for a, b in zip(first, second, strict=True)
    )
    if not fits:
        raise Misfit(f"gets shapes {first} and {second}")
    return tuple(map(max, first, second)), {}


def _cat(given: Given, inputs: Sequence[Node]) -> Found:
    shapes = [node.shape for node in inputs]
    if len({shape[1:] for shape in shapes}) > 1:
        raise Misfit(f"gets shapes {', '.join(map(str, shapes))}")
    return (sum(shape[0] for shape in shapes), *shapes[0][1:]), {"dim": 1}


def _flatten(given: Given, inputs: Sequence[Node]) -> Found:
    return flat(inputs[0].shape), {}


def _chunk(given: Given, inputs: Sequence[Node]) -> Found:
    chunks = argument(given, 1, "chunks", 0)
    channels = inputs[0].shape[0]
    most = -(-channels // chunks)
    sizes = tuple(min(most, channels - start) for start in range(0, channels, most))
    return inputs[0].shape, {"dim": 1, "sizes": sizes}


def argument(given: Given, position: int, name: str, default: Any) -> Any:
    """An argument given by position or by name."""
    args, kwargs = given
    return args[position] if len(args) > position else kwargs.get(name, default)


_FORMS: dict[str, Callable[[Given, Sequence[Node]], bool]] = {
    "add": _two_maps,
    "sub": _two_maps,
    "mul": _two_maps,
    "cat": _joined_channels,
    "flatten": _all_but_batch,
    "chunk": _split_channels,
}
_OPERATIONS: dict[str, Callable[[Given, Sequence[Node]], Found]] = {
    "add": _broadcast,
    "sub": _broadcast,
    "mul": _broadcast,
    "cat": _cat,
    "flatten": _flatten,
    "chunk": _chunk,
}
