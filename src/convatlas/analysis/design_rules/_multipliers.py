"""Width and resolution multipliers: what they are said to save, and what they do."""

from collections.abc import Sequence
from dataclasses import dataclass

from convatlas import models
from convatlas.analysis._cost import cost
from convatlas.analysis._weightless import without_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplierRow:
    """A net at a width and a side: its mult-adds as a share of the first width's and side's."""

    width_multiplier: float
    input_side: int
    mult_adds: int
    params: int
    counted: float  # share of the mult-adds at the first width and side
    law: float  # alpha^2 rho^2


def multiplier_law(
    variant: str, *, widths: Sequence[float], sides: Sequence[int]
) -> tuple[MultiplierRow, ...]:
    """Every width with every side, the shares being of the first of each.

    The law is exact for layers whose both ends scale: the stem and the classifier keep one end,
    and channels are rounded.

    Raises:
        UserError: for a width or side that the net cannot have.

    Source: Howard et al., arXiv:1704.04861, Sec. 3.3 and 3.4.
    """
    rows = []
    whole = 0
    for width in widths:
        for side in sides:
            spec = models.spec_of(variant, width_multiplier=width, input_side=side)
            with without_weights():
                net = models.family_of(variant).build(spec)
            report = cost(net, (spec.in_channels, side, side))
            whole = whole or report.mult_adds
            rows.append(
                MultiplierRow(
                    width_multiplier=width,
                    input_side=side,
                    mult_adds=report.mult_adds,
                    params=report.params,
                    counted=report.mult_adds / whole,
                    law=(width / widths[0]) ** 2 * (side / sides[0]) ** 2,
                )
            )
    return tuple(rows)
