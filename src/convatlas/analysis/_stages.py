"""A net's cost by its parts, as papers' tables have it."""

from dataclasses import dataclass

from torch import nn

from convatlas.analysis._cost import CostRow, cost
from convatlas.analysis._graph import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a net: `stem`, each of `stages`, `pool`, `classifier`."""

    name: str
    out_shape: Shape
    params: int
    mult_adds: int


def stages(net: nn.Module, shape: tuple[int, int, int]) -> list[Stage]:
    """The parts of `net` in running order; their params and mult-adds sum up to the net's.

    Operations between the parts (`flatten`) belong to none and cost nothing.
    """
    rows: dict[str, list[CostRow]] = {}
    for row in cost(net, shape).rows:
        if row.stage:
            rows.setdefault(row.stage, []).append(row)
    return [
        Stage(
            name=part,
            out_shape=found[-1].out_shape,
            params=sum(row.params for row in found),
            mult_adds=sum(row.mult_adds for row in found),
        )
        for part, found in rows.items()
    ]
