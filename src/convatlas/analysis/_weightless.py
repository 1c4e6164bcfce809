"""Building nets that have shapes but no weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode

_FILLS: frozenset[Callable[..., Any]] = frozenset(
    [
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        torch.Tensor.zero_,
        torch.Tensor.fill_,
        *(getattr(init, name) for name in dir(init) if name.endswith("_") and name[0] != "_"),
    ]
)


@contextmanager
def without_weights() -> Iterator[None]:
    """Nets built here live on the meta device, and their initialisation is skipped.

    They take no memory and about half of the time that building under `torch.device("meta")`
    takes, where every random fill runs through Python.
    """
    with torch.device("meta"), _NoFill():
        yield


class _NoFill(TorchFunctionMode):
    """Leaves tensors without values as they are."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLS:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **kwargs)
