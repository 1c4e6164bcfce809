"""Nets whose forward cannot be followed, told before it is tried."""

import inspect

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convatlas.errors import UserError


def check_net(net: nn.Module) -> None:
    """Refuse what is known not to work.

    Raises:
        UserError: for a forward that does not take one input, for layers of no shape yet, and for
            TorchScript.
    """
    _check_inputs(net)
    for path, module in net.named_modules():
        name = path or type(net).__name__
        if isinstance(module, torch.jit.ScriptModule):
            raise UserError(
                f"{name!r} is TorchScript, whose layers cannot be followed. Give the module that "
                "it was made from."
            )
        if any(map(is_lazy, module._parameters.values())):
            raise UserError(
                f"{name!r} ({type(module).__name__}) has no shape before it has run. Run the net "
                "once on images, or say the shape: Conv2d instead of LazyConv2d."
            )


def _check_inputs(net: nn.Module) -> None:
    try:
        parameters = inspect.signature(net.forward).parameters.values()
    except (TypeError, ValueError):
        return
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind in (*by_position, inspect.Parameter.KEYWORD_ONLY)
    ]
    remedy = "A net takes one, its images"
    if len(needed) > 1:
        raise UserError(
            f"{type(net).__name__} takes {len(needed)} inputs ({', '.join(needed)}). {remedy}; "
            "wrap it in a module that makes the others."
        )
    if not any(p.kind in (*by_position, inspect.Parameter.VAR_POSITIONAL) for p in parameters):
        raise UserError(
            f"{type(net).__name__} takes no input by position. {remedy}: `def forward(self, x)`."
        )
