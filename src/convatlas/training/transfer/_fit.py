"""Which tensors of a trained net another of the same kind can take over, and how they fit.

Two kinds of tensors are asked of the nets themselves, not of names: those that follow the number of
classes, by building the net for twice as many, and those that follow the number of channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.models import Spec

Shape = tuple[int, ...]
AUXILIARY = "aux."  # heads that only training uses
_SHOWN = 4  # tensors in a message
# Fields of specs that change no answer of a trained net, or what follows the data.
_FREE = frozenset(
    {"num_classes", "in_channels", "input_side", "dropout", "dropout_after", "survival"}
    | {"survival_rule", "aux", "aux_pool", "memory_efficient"}
)


def built(family: str, spec: Spec, *, seed: int) -> nn.Module:
    """The net of this spec with the weights that `seed` gives it; no other draw is disturbed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.families()[family].build(spec)


def shapes_of(family: str, spec: Spec) -> dict[str, Shape]:
    """Shapes of all tensors of the net of this spec."""
    with without_weights():
        net = models.families()[family].build(spec)
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def class_axes(family: str, spec: Spec) -> dict[str, int]:
    """The tensors that follow the number of classes, each with the axis that counts them."""
    more = replace(spec, num_classes=2 * spec.num_classes)
    return _differing(shapes_of(family, spec), shapes_of(family, more))


def channel_axes(family: str, spec: Spec, in_channels: int) -> dict[str, int]:
    """The tensors that follow the number of the images' channels, with the axis that does."""
    other = replace(spec, in_channels=in_channels)
    return _differing(shapes_of(family, spec), shapes_of(family, other))


def _differing(one: Mapping[str, Shape], other: Mapping[str, Shape]) -> dict[str, int]:
    return {
        name: next(axis for axis, sides in enumerate(zip(a, b, strict=True)) if len(set(sides)) > 1)
        for name, a in one.items()
        if name in other and (b := other[name]) != a and len(a) == len(b)
    }


def for_channels(tensor: Tensor, axis: int, channels: int) -> Tensor:
    """A first layer's `tensor` for images of another number of channels, 1 or 3.

    From colour to grey the filters are summed over the colours: a grey image gives what the colour
    image of three equal channels gave, where mean and std are equal for all colours. From grey to
    colour each colour has a third of the grey filter.
    """
    if channels == 1:
        return tensor.sum(axis, keepdim=True)
    return (tensor / channels).repeat_interleave(channels, axis)


def seen_as(own: Preprocessing, source: Preprocessing) -> Preprocessing:
    """`own` with the mean, the std and the channel order that the net at `source` was trained with.

    Between grey and colour the mean over the colours, or the same for each.
    """
    if own.channels == source.channels:
        return replace(own, mean=source.mean, std=source.std, channel_order=source.channel_order)
    if own.channels == 1:
        mean, std = (sum(v) / len(v) for v in (source.mean, source.std))
        return replace(own, mean=(mean,), std=(std,))
    return replace(own, mean=source.mean * own.channels, std=source.std * own.channels)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A tensor that one of two nets lacks or has in another shape."""

    name: str
    there: Shape | None
    here: Shape | None

    def __str__(self) -> str:
        return f"{self.name} is {_text(self.there)} there, {_text(self.here)} here"


def check_same_net(asked: str, theirs: Mapping[str, Any], variant: str, spec: Spec) -> None:
    """Nothing, if the net in `asked` computes what one of `spec` does.

    Args:
        theirs: the fields of its spec.

    Raises:
        UserError: naming the fields that make another net of it.
    """
    own = {f.name: getattr(spec, f.name) for f in fields(spec)}
    told = [
        f"{name} is {theirs[name]!r} there, {value!r} here"
        for name, value in own.items()
        if name in theirs and name not in _FREE and _tupled(theirs[name]) != value
    ]
    if not told:
        return
    width = theirs.get("width_multiplier", spec.width_multiplier)
    hint = (
        f"Give --width {width:g}."
        if width != spec.width_multiplier
        else "Give the net that the weights belong to, or --graft to take over the layers that fit."
    )
    raise UserError(f"{asked!r} holds another net than {variant!r}: {'; '.join(told)}. {hint}")


def refuse(
    asked: str, variant: str, misfits: Sequence[Misfit], sides: tuple[int, int]
) -> UserError:
    """What to say of tensors that do not fit.

    Args:
        sides: of the input there and here.
    """
    shown = "; ".join(map(str, misfits[:_SHOWN]))
    more = f"; and {len(misfits) - _SHOWN} more" if len(misfits) > _SHOWN else ""
    there, here = sides
    hint = (
        f"This net's layers follow the side of the images, {there} there and {here} here: "
        f"give --side {there}."
        if there != here
        else "Give the net that the weights belong to, or --graft to take over the layers that fit."
    )
    return UserError(
        f"{len(misfits)} tensors of {asked!r} do not fit {variant!r}: {shown}{more}. {hint}"
    )


def _text(shape: Shape | None) -> str:
    if shape is None:
        return "absent"
    return "x".join(map(str, shape)) or "a number"


def _tupled(value: Any) -> Any:
    """JSON has lists where specs have tuples."""
    return tuple(_tupled(v) for v in value) if isinstance(value, list | tuple) else value
