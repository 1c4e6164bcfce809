"""What groups buy: the channels that a ShuffleNet affords."""

from dataclasses import dataclass

from convatlas import models
from convatlas.analysis._cost import cost
from convatlas.analysis._weightless import without_weights
from convatlas.analysis.design_rules._numbers import positive
from convatlas.errors import UserError

_IMAGES = (3, 224, 224)
_STEM = 24  # channels of the stem before they are rounded up to a multiple of the groups


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffleNetWidth:
    """The widest ShuffleNet v1 of these groups within a budget."""

    groups: int
    stage2_channels: int  # doubles per stage
    mult_adds: int


def shufflenet_width(mult_adds: int, *, groups: int) -> ShuffleNetWidth:
    """The most channels that a ShuffleNet v1 can have for `mult_adds` at 224 x 224.

    Channels are a multiple of four times the groups, so that every group convolution divides.

    Raises:
        UserError: if not even the narrowest fits.

    Source: Zhang et al., CVPR 2018 (arXiv:1707.01083), Sec. 3.2 and Table 1.
    """
    positive(mult_adds=mult_adds, groups=groups)
    step = 4 * groups
    low = (
        _STEM + groups - 1
    ) // step + 1  # in steps: wider than the stem, whose channels are passed on
    if (least := _mult_adds(groups, low * step)) > mult_adds:
        raise UserError(
            f"mult_adds={mult_adds} affords no ShuffleNet with groups={groups}: the narrowest, "
            f"of {low * step} channels, takes {least}."
        )
    high = 2 * low  # does not fit, once the first loop is done
    while _mult_adds(groups, high * step) <= mult_adds:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        fits = _mult_adds(groups, middle * step) <= mult_adds
        low, high = (middle, high) if fits else (low, middle)
    return ShuffleNetWidth(
        groups=groups, stage2_channels=low * step, mult_adds=_mult_adds(groups, low * step)
    )


def _mult_adds(groups: int, channels: int) -> int:
    spec = models.spec_of("shufflenet_v1_g3_x1_0", groups=groups, stage2_channels=channels)
    with without_weights():
        net = models.family_of("shufflenet_v1_g3_x1_0").build(spec)
    return cost(net, _IMAGES).mult_adds
