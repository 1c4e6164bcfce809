"""Operations that have no rule here: torch computes their shapes, on tensors without values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convatlas.analysis._ghost import Full, Ghost
from convatlas.analysis._words import words

# Counted one per element of the output. Names without the underscores of `add_` and `__add__`.
ELEMENTWISE_CALLS = words(
    "add sub mul div true_divide floor_divide rsub neg abs pow square sqrt rsqrt exp log erf sin "
    "cos reciprocal clamp clamp_min clamp_max minimum maximum where hardtanh hardswish hardsigmoid "
    "gelu mish softplus prelu threshold celu selu log_softmax logsigmoid sign round floor ceil "
    "lerp addcmul addcdiv group_norm layer_norm instance_norm normalize masked_fill eq ne lt le "
    "gt ge radd rsub rmul truediv rtruediv neg batch_norm dropout alpha_dropout feature_dropout "
    "relu relu6 leaky_relu elu silu tanh sigmoid rms_norm softsign softshrink hardshrink "
    "tanhshrink exp2 expm1 log1p log2 log10 tan atan remainder fmod logical_and logical_or "
    "logical_not isnan cumsum"
)
# Counted one per element of the first input.
REDUCTIONS = words(
    "mean sum prod amax amin max min std var var_mean norm logsumexp argmax argmin max_pool2d "
    "max_pool1d max_pool3d max_pool2d_with_indices avg_pool1d avg_pool3d adaptive_max_pool2d "
    "adaptive_avg_pool1d adaptive_avg_pool3d lp_pool2d"
)
# Computing nothing, but moving memory.
COPIES = words(
    "cat concat stack hstack vstack clone contiguous index_select gather take roll flip pad repeat "
    "repeat_interleave tile pixel_shuffle pixel_unshuffle channel_shuffle reshape flatten "
    "getitem view_as expand_as unfold fold interpolate upsample zeros_like ones_like "
    "empty_like full_like new_zeros new_ones new_full new_empty rand_like randn_like rot90 "
    "tril triu copy to type bernoulli fill zero uniform normal"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tensor that an operation gives."""

    full: Full
    strides: Full
    dtype: torch.dtype
    source: int | None  # number of the ghost whose memory it lies in


@dataclass(frozen=True, slots=True)
class Computed:
    """What a call gives: its structure with `Outcome`s in the places of tensors."""

    structure: Any
    mult_adds: int  # of the whole batch
    known: bool


def compute(
    func: Callable[..., Any],
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    ghosts: Sequence[Ghost],
) -> Computed:
    """Run `func` on tensors of the meta device in the place of `ghosts`.

    Multiply-adds of products and convolutions inside it are counted by torch's own formulas.
    """
    stand_ins = {id(ghost): _meta(ghost) for ghost in ghosts}
    sources: dict[int, int] = {}
    for number, ghost in enumerate(ghosts):
        sources.setdefault(_storage(stand_ins[id(ghost)]), number)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        result = func(*_swapped(args, stand_ins), **_swapped(kwargs, stand_ins))
    mult_adds = counter.get_total_flops() // 2
    structure = _outcomes(result, sources)
    known = bool(mult_adds) or name.strip("_") in _KNOWN
    if not name.endswith("_") or name.startswith("__"):  # what writes in place is no view
        known = known or _is_view(structure)
    return Computed(structure, mult_adds, known)


_KNOWN = ELEMENTWISE_CALLS | REDUCTIONS | COPIES


def _is_view(structure: Any) -> bool:
    parts = structure if isinstance(structure, list | tuple) else (structure,)
    return all(isinstance(part, Outcome) and part.source is not None for part in parts)


def _meta(ghost: Ghost) -> torch.Tensor:
    with torch._C.DisableTorchFunctionSubclass():
        strides, dtype = ghost.stride(), ghost.dtype
    return torch.empty_strided(ghost.full, strides, dtype=dtype, device="meta")


def _swapped(value: Any, stand_ins: Mapping[int, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        own = stand_ins.get(id(value))
        return value.detach().to("meta") if own is None else own
    if isinstance(value, torch.device):
        return torch.device("meta")
    if isinstance(value, dict):
        return {key: _swapped(item, stand_ins) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_swapped(item, stand_ins) for item in value)
    return value


def of_kind(structure: Sequence[Any], items: Sequence[Any]) -> Any:
    """`items` in a list or tuple like `structure`, its names kept (`x.max(1).values`)."""
    kind: Any = type(structure)
    return kind._make(items) if hasattr(kind, "_make") else kind(items)


def parameters_in(values: Sequence[Any]) -> tuple[nn.Parameter, ...]:
    """The parameters among arguments, each once, lists and tuples included."""
    found: dict[int, nn.Parameter] = {}
    for value in values:
        if isinstance(value, nn.Parameter):
            found[id(value)] = value
        elif isinstance(value, list | tuple):
            found |= {id(parameter): parameter for parameter in parameters_in(value)}
    return tuple(found.values())


def _outcomes(value: Any, sources: Mapping[int, int]) -> Any:
    if isinstance(value, torch.Tensor):
        source = sources.get(_storage(value))
        return Outcome(tuple(value.shape), tuple(value.stride()), value.dtype, source)
    if isinstance(value, list | tuple):
        return of_kind(value, [_outcomes(item, sources) for item in value])
    return value


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
