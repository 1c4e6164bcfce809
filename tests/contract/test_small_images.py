"""Nets for images of 8 to 64 pixels take every side, number of channels and width offered."""

import re
from itertools import cycle

import pytest

from convatlas.analysis import CostReport, cost
from convatlas.errors import UserError
from convatlas.models import build, family_of
from tests.contract.nets import (
    FIXED,
    SMALL_SIDES,
    offered_for_small_images,
    on_meta,
    small,
)


@pytest.mark.parametrize("name", small())
@pytest.mark.parametrize(("side", "channels"), [*zip(SMALL_SIDES, cycle((1, 3)), strict=False)])
def test_offered_for_small_images_takes_every_side(name, side, channels):
    widths = family_of(name).widths
    least, most = (_cost(name, side, channels, f(widths)) for f in (min, max))
    assert least.mult_adds < most.mult_adds


@pytest.mark.parametrize("name", small())
def test_offered_for_small_images_costs_more_with_each_width(name):
    reports = [_cost(name, 28, 1, width) for width in family_of(name).widths]
    for figure in ("params", "mult_adds", "activations"):
        counts = [getattr(report, figure) for report in reports]
        assert counts == sorted(set(counts)), figure


@pytest.mark.parametrize("name", offered_for_small_images())
def test_small_image_net_takes_the_ends_of_sides_and_widths(name):
    widths = family_of(name).widths
    least = _cost(name, SMALL_SIDES[0], 1, min(widths))
    most = _cost(name, SMALL_SIDES[-1], 3, max(widths))
    assert least.params < most.params


@pytest.mark.parametrize("name", sorted(FIXED))
def test_net_with_one_possible_input_says_so(name):
    for changes in ({"input_side": 28}, {"width_multiplier": 0.5}):
        with pytest.raises(UserError, match=re.escape(name)):
            build(name, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*small(), *offered_for_small_images()])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_image_net_takes_every_side_and_width(name, channels):
    for side in SMALL_SIDES:
        mult_adds = [_cost(name, side, channels, w).mult_adds for w in family_of(name).widths]
        assert mult_adds == sorted(set(mult_adds)), (side, mult_adds)


def _cost(name: str, side: int, channels: int, width: float) -> CostReport:
    net = on_meta(name, input_side=side, in_channels=channels, width_multiplier=width)
    return cost(net, (channels, side, side))
