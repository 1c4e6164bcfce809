"""Tensors that have a shape but no values, and tell of what is done with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from convatlas.analysis._words import words

Full = tuple[int, ...]  # a shape with the batch


@runtime_checkable
class Listener(Protocol):
    """Who is told of every operation on a ghost."""

    def operation(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """What the operation gives."""


class Ghost(torch.Tensor):
    """A tensor without values or storage; each operation on it is passed on to its listener.

    It is a `torch.Tensor`, so that a forward that asks for its type, shape or device is answered.
    """

    full: Full
    strides: Full | None  # None: contiguous
    place: int  # of the node that it came from
    listener: Listener

    @staticmethod
    def __new__(
        cls: type["Ghost"],
        full: Full,
        *,
        listener: Listener,
        place: int,
        like: tuple[torch.dtype, torch.device],
        strides: Full | None = None,
    ) -> "Ghost":
        """A ghost of that shape, dtype and device."""
        dtype, device = like
        ghost: Ghost = torch.Tensor._make_wrapper_subclass(
            cls, full, strides=strides, dtype=dtype, device=device
        )
        ghost.full, ghost.strides, ghost.place, ghost.listener = full, strides, place, listener
        return ghost

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer what the shape answers; tell the listener of everything else."""
        name = func.__name__
        if name == "__get__":
            name = func.__self__.__name__  # type: ignore[attr-defined]  # a property's getter
        if name in _ANSWERED:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        ghosts = found(args, kwargs or {})
        return ghosts[0].listener.operation(func, name, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares no class method
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Operations stop above; what reaches this place has no form without values."""
        raise NotImplementedError(f"{func} on a tensor without values")


_ANSWERED = words(
    "shape dtype device ndim layout is_cuda is_cpu is_meta is_sparse is_quantized is_mkldnn is_xpu "
    "is_mps requires_grad is_leaf grad grad_fn itemsize nbytes size dim stride is_contiguous numel "
    "nelement element_size is_floating_point is_complex is_inference get_device ndimension "
    "storage_offset __len__ __hash__ __set__ __repr__ __format__ __dir__ register_hook names "
    "is_nested is_signed output_nr retains_grad"
)


def found(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Ghost]:
    """The ghosts among arguments, in order and as often as they occur, lists and tuples included.

    An argument that is passed by keyword comes after those by position.
    """
    ghosts: list[Ghost] = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Ghost):
            ghosts.append(value)
        elif isinstance(value, list | tuple):
            ghosts.extend(found(value, {}))
    return ghosts
