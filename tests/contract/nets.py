"""The nets that the contract is tried on: full size without weights, and thin ones that run.

Every variant is built and traced. Of variants that differ in numbers only (depths, widths, sides)
the smallest stands for its kind in the tests that run nets; the others run them under `slow`.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import trace, without_weights
from convatlas.errors import UserError
from convatlas.layers import SampleDrop, Survival
from convatlas.models import Spec, build, families, family_of, find, spec_of

SMALL_SIDES = (8, 16, 28, 32, 48, 64)
# Paper nets with one possible input.
FIXED = frozenset({"lenet5"})


@cache
def representatives() -> frozenset[str]:
    """The smallest variant of every kind, and all that are offered to a person's data."""
    smallest: dict[object, tuple[float, str]] = {}
    offered: set[str] = set()
    for family in families().values():
        offered.update(family.offered)
        for name, spec in family.variants.items():
            key = (family.name, _kind(spec))
            smallest[key] = min(smallest.get(key, (float("inf"), "")), (_size(spec), name))
    return frozenset(offered.union(name for _, name in smallest.values()))


def every(names: list[str] | None = None) -> list[object]:
    """Test parameters: the variants, those that another stands for marked slow."""
    return [
        name if name in representatives() else pytest.param(name, marks=pytest.mark.slow)
        for name in (find() if names is None else names)
    ]


def small() -> list[str]:
    """Made to be chosen for small images, and not a paper's net."""
    return [name for name in find() if name.endswith("_small")]


def offered_for_small_images() -> list[str]:
    """Papers' nets for small images that a search may try."""
    return [
        name
        for family in families().values()
        for name in family.offered
        if family.variants[name].input_side <= 64 and name not in small()
    ]


def on_meta(name: str, **changes: object) -> nn.Module:
    with without_weights():
        return build(name, **changes)


@cache
def thin(name: str) -> dict[str, object]:
    """Changes that make the variant quick to run: least width, and the least side that it takes."""
    spec = spec_of(name)
    if name in FIXED:
        return {}
    width = {"width_multiplier": min(family_of(name).widths)}
    for side in (8, 16, 32) if spec.input_side <= 64 else (32, 64, 96, 128):
        changes = {**width, "input_side": side}
        try:
            trace(on_meta(name, **changes), (spec.in_channels, side, side))
        except UserError:
            continue
        return changes
    return width


def seeded(name: str, seed: int = 0, **changes: object) -> nn.Module:
    """The thin net with weights."""
    torch.manual_seed(seed)
    return build(name, **{**thin(name), **changes})


def images(name: str, n: int, **changes: object) -> Tensor:
    """Noise of the thin net's shape."""
    spec = spec_of(name, **{**thin(name), **changes})
    shape = (n, spec.in_channels, spec.input_side, spec.input_side)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def nothing_dropped(net: nn.Module) -> nn.Module:
    """`net` in training mode, but for the layers that leave out branches."""
    net.train()
    for module in net.modules():
        if isinstance(module, Survival | SampleDrop):
            module.eval()
    return net


def _kind(spec: Spec) -> tuple[object, ...]:
    """What of a spec is no number: its choices and switches."""
    return tuple((f.name, _choice(getattr(spec, f.name))) for f in fields(spec))


def _choice(value: object) -> object:
    if isinstance(value, tuple):
        return frozenset(map(_choice, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return value


def _size(spec: Spec) -> float:
    """Grows with depths, widths and sides."""
    sizes = (f.name for f in fields(spec) if f.name not in ("num_classes", "in_channels"))
    return sum(n for name in sizes for n in _numbers(getattr(spec, name)))


def _numbers(value: object) -> Iterable[float]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float):
        yield float(value)
