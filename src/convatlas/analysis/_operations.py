"""Shapes of the functions and methods that a network's forward may use between its layers."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from convatlas.analysis._graph import Node, Shape
from convatlas.analysis._shapes import Misfit, flat

Found = tuple[Shape, Mapping[str, Any]]  # output shape, arguments of the node

KINDS: dict[Any, str] = {
    operator.add: "add",
    operator.iadd: "add",
    torch.add: "add",
    "add": "add",
    operator.sub: "sub",
    operator.isub: "sub",
    torch.sub: "sub",
    "sub": "sub",
    operator.mul: "mul",
    operator.imul: "mul",
    torch.mul: "mul",
    "mul": "mul",
    torch.cat: "cat",
    torch.flatten: "flatten",
    "flatten": "flatten",
    torch.chunk: "chunk",
    "chunk": "chunk",
    operator.getitem: "getitem",
}


def operate(kind: str, call: fx.Node, inputs: Sequence[Node]) -> Found:
    """Shape and arguments of an operation on `inputs`.

    Raises:
        Misfit: if the shapes do not go together or the form is not one that nets use.
    """
    return _OPERATIONS[kind](call, inputs)


def _broadcast(call: fx.Node, inputs: Sequence[Node]) -> Found:
    if len(inputs) != 2 or len(call.args) != 2 or call.kwargs:
        raise Misfit("joins something else than two tensors")
    first, second = (node.shape for node in inputs)
    fits = len(first) == len(second) and all(
        a == b or 1 in (a, b) for a, b in zip(first, second, strict=True)
    )
    if not fits:
        raise Misfit(f"gets shapes {first} and {second}")
    return tuple(map(max, first, second)), {}


def _cat(call: fx.Node, inputs: Sequence[Node]) -> Found:
    dim = _argument(call, 1, "dim", 0)
    shapes = [node.shape for node in inputs]
    if dim != 1:
        raise Misfit(f"joins along dimension {dim}; only channels (dim=1) are joined")
    if len({shape[1:] for shape in shapes}) > 1:
        raise Misfit(f"gets shapes {', '.join(map(str, shapes))}")
    return (sum(shape[0] for shape in shapes), *shapes[0][1:]), {"dim": dim}


def _flatten(call: fx.Node, inputs: Sequence[Node]) -> Found:
    start, end = _argument(call, 1, "start_dim", 0), _argument(call, 2, "end_dim", -1)
    if (start, end) != (1, -1):
        raise Misfit("flattens something else than all but the batch (start_dim=1)")
    return flat(inputs[0].shape), {}


def _chunk(call: fx.Node, inputs: Sequence[Node]) -> Found:
    chunks, dim = _argument(call, 1, "chunks", 0), _argument(call, 2, "dim", 0)
    if dim != 1:
        raise Misfit(f"splits dimension {dim}; only channels (dim=1) are split")
    channels = inputs[0].shape[0]
    most = -(-channels // chunks)
    sizes = tuple(min(most, channels - start) for start in range(0, channels, most))
    return inputs[0].shape, {"dim": dim, "sizes": sizes}


def _getitem(call: fx.Node, inputs: Sequence[Node]) -> Found:
    index = call.args[1]
    if inputs[0].kind != "chunk" or not isinstance(index, int):
        raise Misfit("indexes something else than chunks")
    sizes = inputs[0].arguments["sizes"]
    if not -len(sizes) <= index < len(sizes):
        raise Misfit(f"asks for chunk {index} of {len(sizes)}")
    return (sizes[index], *inputs[0].shape[1:]), {"index": index % len(sizes)}


def _argument(call: fx.Node, position: int, name: str, default: int) -> Any:
    return call.args[position] if len(call.args) > position else call.kwargs.get(name, default)


_OPERATIONS: dict[str, Callable[[fx.Node, Sequence[Node]], Found]] = {
    "add": _broadcast,
    "sub": _broadcast,
    "mul": _broadcast,
    "cat": _cat,
    "flatten": _flatten,
    "chunk": _chunk,
    "getitem": _getitem,
}
