"""From a network to its graph, without running it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import torch
from torch import nn

from convatlas.analysis._followable import check_net
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
            several inputs, that depends on values, that fails, or that returns no tensor.
    """
    check_net(net)
    with _ONE_AT_A_TIME, _left_as_it_was(net):
        recorder = Recorder({id(m): name for name, m in _named(net)}, _like(net))
        with _followed(recorder):
            result = _run(net, recorder, shape)
        outputs = list(_tensors(result))
        if not outputs:
            raise UserError(_no_tensor(net, result))
        params = sum(parameter.numel() for parameter in net.parameters())
        return recorder.graph(outputs, params, _unread(net, recorder))


def _named(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return list(net.named_modules())


def _run(net: nn.Module, recorder: Recorder, shape: tuple[int, int, int]) -> Any:
    try:
        return net(recorder.images(shape))
    except UserError:
        raise
    except Exception as error:  # whatever a person's own forward raises
        told = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(" .")
        size = "x".join(map(str, shape))
        raise UserError(
            f"The forward of {type(net).__name__} fails {recorder.place} for images of {size}, "
            f"while it is followed without values: {told}. Run it on such images; if that works, "
            "it needs values, or code that cannot be followed, such as torch.jit.script."
        ) from error


def _no_tensor(net: nn.Module, result: Any) -> str:
    name = type(net).__name__
    if isinstance(result, torch.Tensor):
        return f"{name} returns a tensor that does not depend on its images. It costs nothing."
    return f"{name} returns {type(result).__name__}. A net returns its logits, one tensor."


def _like(net: nn.Module) -> tuple[torch.dtype, torch.device]:
    first = next((p for p in net.parameters() if p.is_floating_point()), None)
    if first is None:
        return torch.float32, torch.device("cpu")
    return first.dtype, first.device


@contextmanager
def _left_as_it_was(net: nn.Module) -> Iterator[None]:
    """Evaluation mode without a word to the modules, which may do more in `eval()`.

    Afterwards attributes and buffers are what they were: a forward may keep features in them.
    """
    before = [(m.__dict__, dict(m.__dict__), dict(m._buffers)) for m in net.modules()]
    for attributes, _, _ in before:
        attributes["training"] = False
    try:
        yield
    finally:
        for attributes, old, buffers in before:
            attributes.clear()
            attributes.update(old)
            attributes["_buffers"].clear()
            attributes["_buffers"].update(buffers)


@contextmanager
def _followed(recorder: Recorder) -> Iterator[None]:
    """Every call of a module with ghosts is told to `recorder`; other calls go their way."""
    original = nn.Module.__call__

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        module = module._modules.get("_orig_mod") or module  # what torch.compile wraps
        if _for(recorder, args) or _for(recorder, tuple(kwargs.values())):
            return recorder.call(module, original, args, kwargs)
        recorder.entered.add(id(module))  # on constants
        return original(module, *args, **kwargs)

    nn.Module.__call__ = call  # type: ignore[method-assign]  # for as long as the trace runs
    try:
        with torch.no_grad():
            yield
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]  # as it was


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
