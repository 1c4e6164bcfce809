"""Their tensors under our names: compared by shape first, then taken over."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from convatlas import models
from convatlas.errors import UserError
from convatlas.foreign._short import short
from convatlas.foreign._source import Source
from convatlas.models import Spec

Shape = tuple[int, ...]
MOST_TOLD = 10  # tensors in a message
_COUNTER = "num_batches_tracked"  # files from before torch 0.4.1 have none; nothing depends on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the tensors of a file agree with those that a net needs, by the library's names."""

    pairs: Mapping[str, str]  # our tensor -> theirs, as the file calls it
    missing: tuple[tuple[str, Shape], ...]  # not in the file
    unexpected: tuple[tuple[str, Shape], ...]  # in the file only
    other_shape: tuple[tuple[str, Shape, Shape], ...]  # in the file, in the net

    @property
    def differences(self) -> int:
        """Tensors that do not agree."""
        return len(self.missing) + len(self.unexpected) + len(self.other_shape)

    @property
    def speaks_otherwise(self) -> bool:
        """Next to none of the net's names are in the file."""
        return len(self.missing) > 9 * (len(self.pairs) + len(self.other_shape))

    def told(self) -> str:
        """The first differences by kind and name, with shapes."""
        lines = [
            *(f"{short(name)}: {_text(a)} in the file, {_text(b)} in the net"
              for name, a, b in self.other_shape),
            *(f"{short(name)}: {_text(shape)} in the net, missing in the file"
              for name, shape in self.missing),
            *(f"{short(name)}: {_text(shape)} in the file, not in the net"
              for name, shape in self.unexpected),
        ]  # fmt: skip
        more = f"; and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
        return "; ".join(lines[:MOST_TOLD]) + more


def net_for(variant: str, source: Source, **changes: Any) -> tuple[nn.Module, Spec]:
    """Our `variant` as `source` has it, without auxiliary heads, and its spec.

    Args:
        changes: fields of the variant's spec.
    """
    spec = models.spec_of(variant)
    if hasattr(spec, "aux"):
        spec = replace(spec, **{"aux": False})
    if source.input_side is not None:
        spec = replace(spec, input_side=source.input_side)
    spec = replace(spec, **changes)
    return models.family_of(variant).build(spec), spec


def compare(shapes: Mapping[str, Shape], net: nn.Module, source: Source) -> Comparison:
    """The tensors of a file, by name and shape, beside those that `net` needs from `source`."""
    in_file = {_todays_name(name, source): name for name in shapes}
    pairs: dict[str, str] = {}
    missing: list[tuple[str, Shape]] = []
    other_shape: list[tuple[str, Shape, Shape]] = []
    known: set[str] = set()
    for ours, theirs, shape in _wanted(net, source):
        known.add(theirs)
        if theirs not in in_file:
            if not theirs.endswith(_COUNTER):
                missing.append((theirs, shape))
            continue
        found = shapes[in_file[theirs]]
        if _agree(found, shape):
            pairs[ours] = in_file[theirs]
        else:
            other_shape.append((theirs, found, shape))
    unexpected = tuple(
        (name, shapes[name])
        for today, name in in_file.items()
        if today not in known and not today.startswith(source.ignored)
    )
    return Comparison(
        pairs=pairs,
        missing=tuple(missing),
        unexpected=unexpected,
        other_shape=tuple(other_shape),
    )


def convert(state: Mapping[str, Tensor], net: nn.Module, source: Source) -> dict[str, Tensor]:
    """The state dict of `net` from the library's `state`.

    Raises:
        UserError: with the tensors that do not agree.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    comparison = compare(shapes, net, source)
    if comparison.differences:
        raise UserError(f"{comparison.differences} tensors do not agree: {comparison.told()}.")
    wanted = net.state_dict()
    counters = {
        n: torch.zeros((), dtype=t.dtype) for n, t in wanted.items() if n.endswith(_COUNTER)
    }
    taken = {ours: _taken(name, state, wanted[ours]) for ours, name in comparison.pairs.items()}
    return {**counters, **taken}


def logits_layer(shapes: Mapping[str, Shape], net: nn.Module, source: Source) -> list[str]:
    """The tensors of a file that make the logits: as many rows as the file knows classes."""
    paths = [theirs for ours, theirs in source.layers(net) if ours.startswith("classifier")]
    wanted = {f"{paths[-1]}.weight", f"{paths[-1]}.bias"}
    return [name for name in shapes if _todays_name(name, source) in wanted]


def num_classes_of(shapes: Mapping[str, Shape], net: nn.Module, source: Source) -> int | None:
    """Classes that a file knows; None if it has no such layer."""
    rows = [shapes[name][0] for name in logits_layer(shapes, net, source) if shapes[name]]
    return rows[0] if rows else None


def _wanted(net: nn.Module, source: Source) -> Iterator[tuple[str, str, Shape]]:
    """(our tensor, their tensor, shape) of everything that `net` holds."""
    for ours, theirs in source.layers(net):
        for name, tensor in net.get_submodule(ours).state_dict().items():
            yield f"{ours}.{name}", f"{theirs}.{name}", tuple(tensor.shape)


def _todays_name(name: str, source: Source) -> str:
    for pattern, replacement in source.renamed:
        name = re.sub(pattern, replacement, name)
    return name


def _agree(a: Shape, b: Shape) -> bool:
    """Equal, or a matrix beside a convolution's weight of the same rows and columns."""
    if a == b:
        return True
    return {len(a), len(b)} == {2, 4} and _as_matrix(a) == _as_matrix(b)


def _as_matrix(shape: Shape) -> Shape:
    columns = 1
    for side in shape[1:]:
        columns *= side
    return shape[0], columns


def _taken(name: str, state: Mapping[str, Tensor], own: Tensor) -> Tensor:
    """A copy of their tensor `name` with the shape and type that our net has."""
    theirs = state[name].detach()
    if own.is_floating_point() and not theirs.is_floating_point():
        kind = str(theirs.dtype).removeprefix("torch.")
        raise UserError(
            f"{short(name)} holds {kind} values; weights are floating-point numbers. Give the "
            "net as it was before it was quantised."
        )
    return theirs.to(dtype=own.dtype, copy=True).reshape(own.shape)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a number"
