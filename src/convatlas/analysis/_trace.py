"""From a network to its graph, without running it."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import torch
from torch import nn

from convatlas.analysis._ghost import Ghost
from convatlas.analysis._graph import Graph
from convatlas.analysis._recorder import Recorder
from convatlas.errors import UserError

_ONE_AT_A_TIME = RLock()


def trace(net: nn.Module, shape: tuple[int, int, int]) -> Graph:
    """The layers of `net` in running order, with their output shapes for images of `shape`.

    The forward runs once in evaluation mode, on a tensor that has a shape but no values: layers
    say their output shapes in closed form, so nothing is computed, and `net` may live on the meta
    device. Functions count as the layers that they are; decisions that the forward takes by shapes
    are followed. What does not depend on the images, such as a table made of weights alone, is no
    node. `net` is left as it was: no buffer, hook or mode of it changes.

    Args:
        shape: channels, height, width.

    Raises:
        UserError: naming the layer, for images that a layer cannot take, for a forward that needs
            several inputs, that depends on values, or that returns no tensor.
    """
    _check_inputs(net)
    with _ONE_AT_A_TIME, _in_evaluation(net):
        recorder = Recorder({id(m): name for name, m in _named(net)}, _like(net))
        with _followed(recorder):
            result = net(recorder.images(shape))
        outputs = list(_tensors(result))
        if not outputs:
            raise UserError(
                f"{type(net).__name__} returns {type(result).__name__}. A net returns its logits, "
                "one tensor."
            )
        params = sum(parameter.numel() for parameter in net.parameters())
        return recorder.graph(outputs, params, _unread(net, recorder))


def _named(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return list(net.named_modules())


def _check_inputs(net: nn.Module) -> None:
    try:
        parameters = inspect.signature(net.forward).parameters.values()
    except (TypeError, ValueError):
        return
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise UserError(
            f"{type(net).__name__} takes {len(needed)} inputs ({', '.join(needed)}). A net takes "
            "one, its images; wrap it in a module that makes the others."
        )


def _like(net: nn.Module) -> tuple[torch.dtype, torch.device]:
    first = next((p for p in net.parameters() if p.is_floating_point()), None)
    if first is None:
        return torch.float32, torch.device("cpu")
    return first.dtype, first.device


@contextmanager
def _in_evaluation(net: nn.Module) -> Iterator[None]:
    """Evaluation mode without a word to the modules, which may do more in `eval()`."""
    learning = [module for module in net.modules() if module.training]
    for module in learning:
        module.__dict__["training"] = False
    try:
        yield
    finally:
        for module in learning:
            module.__dict__["training"] = True


@contextmanager
def _followed(recorder: Recorder) -> Iterator[None]:
    """Every call of a module with ghosts is told to `recorder`; other calls go their way."""
    original = nn.Module.__call__

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if _for(recorder, args) or _for(recorder, tuple(kwargs.values())):
            return recorder.call(module, original, args, kwargs)
        recorder.entered.add(id(module))  # on constants
        return original(module, *args, **kwargs)

    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        with torch.no_grad():
            yield
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]


def _for(recorder: Recorder, values: Any) -> bool:
    for value in values:
        if isinstance(value, Ghost):
            return value.listener is recorder
        if isinstance(value, list | tuple) and _for(recorder, value):
            return True
    return False


def _tensors(value: Any) -> Iterator[Ghost]:
    """The tensors in what a forward returns."""
    if isinstance(value, Ghost):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _unread(net: nn.Module, recorder: Recorder) -> dict[str, int]:
    """Parameters of modules that the forward did not enter and no operation read; elements."""
    unread: dict[int, tuple[str, int]] = {}
    for path, module in _named(net):
        if id(module) in recorder.entered:
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in recorder.read:
                full = f"{path}.{name}" if path else name
                unread.setdefault(id(parameter), (full, parameter.numel()))
    return dict(unread.values())
