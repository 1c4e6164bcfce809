"""Training that keeps what goes into the parts of a net, and makes what is inside them again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, get_args

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from convatlas.errors import UserError

Grain = Literal["none", "stages", "blocks"]


@contextmanager
def recomputed(net: nn.Module, grain: Grain) -> Iterator[None]:
    """While it lasts, forward passes of `net` keep only what goes into its parts.

    The backward pass, which may come later, runs each part once more. Random layers draw the same
    numbers again, and batch norms take their batch into the running statistics once, so gradients
    and statistics are those of training without it. The net itself is as before in the end.

    Args:
        grain: the parts. "stages": the children of `net.stages`; "blocks": the children of these,
            where they are made of blocks. Smaller parts keep more between them but need less while
            one of them runs again. "none": nothing is recomputed.

    Raises:
        UserError: for another grain, or a net without stages.
    """
    replaced = parts_of(net, grain)
    for part in replaced:
        part.__dict__["forward"] = _run_again(part.forward, part)
    try:
        yield
    finally:
        for part in replaced:
            del part.__dict__["forward"]


def parts_of(net: nn.Module, grain: Grain) -> list[nn.Module]:
    """What is run as a whole, in order.

    Raises:
        UserError: as `recomputed` does.
    """
    if grain not in get_args(Grain):
        allowed = ", ".join(get_args(Grain))
        raise UserError(f"recompute={grain!r} is unknown. Use one of: {allowed}.")
    if grain == "none":
        return []
    stages = getattr(net, "stages", None)
    if not isinstance(stages, nn.Module):
        raise UserError(
            f"{type(net).__name__} has no stages to recompute. Use recompute='none', or a net with "
            "parts called stem, stages, pool and classifier."
        )
    found = []
    for stage in stages.children():
        blocks = [block for block in stage.children() if any(block.children())]
        whole = grain == "stages" or not isinstance(stage, nn.Sequential) or not blocks
        found += [stage] if whole else blocks
    return [part for part in found if next(part.parameters(), None) is not None]


def _run_again(forward: Callable[..., Any], part: nn.Module) -> Callable[..., Any]:
    norms = [module for module in part.modules() if isinstance(module, _BatchNorm)]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_left_alone(norms)

    def run(*inputs: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)

    return run


@contextmanager
def _statistics_left_alone(norms: list[_BatchNorm]) -> Iterator[None]:
    """Running statistics that batch norms write to meanwhile are copies."""
    own = [dict(norm.named_buffers(recurse=False)) for norm in norms]
    for norm, buffers in zip(norms, own, strict=True):
        if norm.training:
            norm._buffers.update({name: buffer.clone() for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for norm, buffers in zip(norms, own, strict=True):
            norm._buffers.update(buffers)
