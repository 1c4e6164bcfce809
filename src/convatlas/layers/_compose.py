"""Layers put together with names, as a figure draws them."""

from collections import OrderedDict

from torch import nn

from convatlas.layers._parallel import Parallel


def in_turn(**layers: nn.Module) -> nn.Sequential:
    """Layers one after another."""
    return nn.Sequential(OrderedDict(layers))


def join(**branches: nn.Module) -> Parallel:
    """Branches side by side, their outputs concatenated in the order given."""
    return Parallel(OrderedDict(branches))
