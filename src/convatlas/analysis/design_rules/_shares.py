"""How a net's cost divides among the kinds of its layers."""

from dataclasses import dataclass

from torch import nn

from convatlas.analysis._cost import cost
from convatlas.analysis._shares import by_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One kind of layer: "1x1", "depthwise 3x3", "grouped 3x3", "linear"."""

    kind: str
    layers: int
    mult_adds: int
    params: int
    mult_adds_percent: float
    params_percent: float  # of all parameters, those of batch norm and others included


def shares_by_layer_type(net: nn.Module, shape: tuple[int, int, int]) -> tuple[Share, ...]:
    """The kinds of layers of `net` that learn or multiply, the one with most mult-adds first.

    Args:
        shape: of one image (channels, height, width).
    """
    return tuple(
        Share(
            kind=share.name,
            layers=share.layers,
            mult_adds=share.mult_adds,
            params=share.params,
            mult_adds_percent=share.mult_adds_percent,
            params_percent=share.params_percent,
        )
        for share in by_type(cost(net, shape))
        if share.params or share.mult_adds
    )
