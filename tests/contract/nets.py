"""The nets that the contract is tried on: full size without weights, and thin ones that run."""

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import trace
from convatlas.errors import UserError
from convatlas.models import build, family_of, find, spec_of

SMALL_SIDES = (8, 16, 28, 32, 48, 64)
# Thousands of layers of a kind that shallower variants have too.
DEEP = frozenset({"resnet1202_cifar"})
# Paper nets with one possible input.
FIXED = frozenset({"lenet5"})


def every(names: list[str] | None = None) -> list[object]:
    """Test parameters: the variants, the deep ones marked slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in DEEP else name
        for name in (find() if names is None else names)
    ]


def for_small_images() -> list[str]:
    return [name for name in find() if spec_of(name).input_side <= 64]


def offered() -> list[str]:
    """Made to be chosen for small images, and not a paper's net."""
    return [name for name in for_small_images() if name.endswith("_small")]


def on_meta(name: str, **changes: object) -> nn.Module:
    with torch.device("meta"):
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
