"""How a net's cost divides among the kinds of its layers."""

from collections import defaultdict
from dataclasses import dataclass

from torch import nn

from convatlas.analysis._cost import cost_rows
from convatlas.analysis._kinds import layer_kind
from convatlas.analysis._trace import trace


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
    """The kinds of layers of `net`, the one with most mult-adds first.

    Args:
        shape: of one image (channels, height, width).
    """
    graph = trace(net, shape)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in cost_rows(graph, "conv+linear"):
        kind = layer_kind(graph[row.name])
        if row.params or row.mult_adds:
            for i, number in enumerate((1, row.mult_adds, row.params)):
                counts[kind][i] += number
    mult_adds = sum(c[1] for c in counts.values()) or 1
    params = sum(c[2] for c in counts.values()) or 1
    found = [
        Share(
            kind=kind,
            layers=layers,
            mult_adds=operations,
            params=own,
            mult_adds_percent=100 * operations / mult_adds,
            params_percent=100 * own / params,
        )
        for kind, (layers, operations, own) in counts.items()
    ]
    return tuple(sorted(found, key=lambda share: -share.mult_adds))
